#include "core/format.h"

#include <inttypes.h>

#include "tests/host/test.h"

/* Every case is printed into exactly as much room as it needs, and then compared. */
#define CHECK_FORMAT(wanted, ...)                                                                  \
    do {                                                                                           \
        char found[256];                                                                           \
        memset(found, '#', sizeof found);                                                          \
        size_t length = format_string(found, sizeof(wanted), __VA_ARGS__);                         \
        CHECK_EQUAL(length, sizeof(wanted) - 1);                                                   \
        CHECK_STRING(found, wanted);                                                               \
        CHECK_EQUAL(found[sizeof(wanted)], '#');                                                   \
    } while (0)

TEST(numbers) {
    CHECK_FORMAT("0", "%d", 0);
    CHECK_FORMAT("-1 1", "%d %d", -1, 1);
    CHECK_FORMAT("-2147483648", "%d", INT32_MIN);
    CHECK_FORMAT("-9223372036854775808", "%ld", (long)INT64_MIN);
    CHECK_FORMAT("-9223372036854775808", "%lld", (long long)INT64_MIN);
    CHECK_FORMAT("18446744073709551615", "%lu", (unsigned long)UINT64_MAX);
    CHECK_FORMAT("18446744073709551615", "%llu", (unsigned long long)UINT64_MAX);
    CHECK_FORMAT("18446744073709551615", "%zu", SIZE_MAX);
    CHECK_FORMAT("4294967295", "%u", UINT32_MAX);
    CHECK_FORMAT("ffffffff 0", "%x %x", UINT32_MAX, 0U);
    CHECK_FORMAT("ffffffffffffffff", "%lx", (unsigned long)UINT64_MAX);
    CHECK_FORMAT("0xdeadbeef", "%p", (void *)(uintptr_t)0xdeadbeef);
    CHECK_FORMAT("0x0", "%p", NULL);
}

TEST(widths) {
    CHECK_FORMAT("   42|00042", "%5d|%05d", 42, 42);
    CHECK_FORMAT("  -42|-0042", "%5d|%05d", -42, -42);
    CHECK_FORMAT("12345", "%2d", 12345);
    CHECK_FORMAT("00000000000000ff", "%016lx", 255UL);
    CHECK_FORMAT("   abc", "%6s", "abc");
    CHECK_FORMAT("abc", "%2s", "abc");
}

TEST(texts) {
    CHECK_FORMAT("", "%s", "");
    CHECK_FORMAT("a b", "%c %c", 'a', 'b');
    CHECK_FORMAT("100%", "%d%%", 100);
    static const char unterminated[3] = {'x', 'y', 'z'};
    CHECK_FORMAT("xyz", "%.*s", 3, unterminated);
    CHECK_FORMAT("", "%.*s", 0, unterminated);
    CHECK_FORMAT("ab", "%.*s", 9, "ab");
    const char *volatile nothing = NULL;
    CHECK_FORMAT("(null)", "%s", nothing);
}

TEST(anything_else_is_printed_as_it_stands) {
    const char *volatile strange = "%q %5k %";
    char found[32];
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-nonliteral"
#pragma clang diagnostic ignored "-Wformat-security"
    CHECK_EQUAL(format_string(found, sizeof found, strange), 8);
#pragma clang diagnostic pop
    CHECK_STRING(found, "%q %5k %");
}

TEST(output_is_cut_and_always_ended) {
    char found[16];
    for (size_t size = 0; size < sizeof found; size++) {
        memset(found, '#', sizeof found);
        CHECK_EQUAL(format_string(found, size, "%s", "0123456789"), 10);
        for (size_t i = 0; i < sizeof found; i++) {
            size_t shown = size == 0 ? 0 : size - 1 < 10 ? size - 1 : 10;
            char wanted = i < shown ? (char)('0' + i) : i == shown && size != 0 ? '\0' : '#';
            CHECK_EQUAL(found[i], wanted);
        }
    }
    CHECK_EQUAL(format_string(NULL, 0, "%d", 12345), 5);
}

TEST(random_numbers_agree_with_the_c_library) {
    for (int i = 0; i < 20000; i++) {
        uint64_t value = test_random() >> test_random_below(64);
        char wanted[128], found[128];
        snprintf(wanted, sizeof wanted, "%" PRIu64 " %" PRId64 " %" PRIx64 " %020" PRId64 " %d %3u",
                 value, (int64_t)value, value, (int64_t)value, (int)value, (unsigned)value);
        format_string(found, sizeof found,
                      "%" PRIu64 " %" PRId64 " %" PRIx64 " %020" PRId64 " %d %3u", value,
                      (int64_t)value, value, (int64_t)value, (int)value, (unsigned)value);
        CHECK_STRING(found, wanted);
    }
}
