#include "tools/capos/size.h"

#include "tests/host/test.h"

static bool parses_to(const char *text, uint64_t wanted) {
    uint64_t bytes = 0;
    return size_parse(text, &bytes) && bytes == wanted;
}

TEST(sizes_are_read_with_their_units) {
    CHECK(parses_to("0", 0));
    CHECK(parses_to("4096", 4096));
    CHECK(parses_to("16M", UINT64_C(16) << 20));
    CHECK(parses_to("16m", UINT64_C(16) << 20));
    CHECK(parses_to("4k", 4096));
    CHECK(parses_to("3G", UINT64_C(3) << 30));
    CHECK(parses_to("18446744073709551615", UINT64_MAX));
}

TEST(what_is_no_size_is_refused) {
    static const char *const wrong[] = {
        "",
        "M",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1MB",
        "1T",
        "1.5",
        "0x1",
        "1MM",
        "18446744073709551616",
        "17179869184G",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint64_t bytes = 7;
        CHECK(!size_parse(wrong[i], &bytes));
        CHECK_EQUAL(bytes, 7);
    }
}

TEST(sizes_are_written_in_the_shortest_exact_form) {
    static const char *const forms[] = {"0", "1", "1023", "1K", "1025", "16M", "1G", "4097M"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        uint64_t bytes;
        char text[32];
        CHECK(size_parse(forms[i], &bytes));
        size_format(text, sizeof text, bytes);
        CHECK_STRING(text, forms[i]);
    }
}

TEST(any_size_survives_writing_and_reading) {
    for (int i = 0; i < 10000; i++) {
        const uint64_t bytes = test_random() >> test_random_below(64);
        char text[32];
        size_format(text, sizeof text, bytes);
        CHECK(parses_to(text, bytes));
    }
}
