// grants: console
// stdin: first line
// stdout: written by hand

/* Console: both streams, partial and refused writes, reading to the end and beyond. */
#include "tests/guest/tap.h"

static char big[65537];

static void test_write(capos_cap_t console) {
    static const char text[] = "written by hand\n";
    uint64_t count = 0;
    CHECK_RESULT(
        capos_console_write(console, CAPOS_CONSOLE_STREAM_OUTPUT, text, sizeof text - 1, &count),
        CAPOS_OK);
    CHECK_EQUAL(count, sizeof text - 1);
    CHECK_RESULT(capos_console_write(console, CAPOS_CONSOLE_STREAM_ERROR, "", 0, &count), CAPOS_OK);
    CHECK_EQUAL(count, 0);
}

static void test_refused_writes(capos_cap_t console) {
    uint64_t count;
    CHECK_RESULT(capos_console_write(console, 7, big, 1, &count), CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_console_write(console, CAPOS_CONSOLE_STREAM_ERROR, big, sizeof big, &count),
                 CAPOS_E_TOO_LARGE);
    CHECK_RESULT(capos_console_write(console, CAPOS_CONSOLE_STREAM_ERROR, NULL, 1, &count),
                 CAPOS_E_BAD_ADDRESS);
    const void *kernel = (const void *)UINT64_C(0xffffffff80000000);
    CHECK_RESULT(capos_console_write(console, CAPOS_CONSOLE_STREAM_ERROR, kernel, 16, &count),
                 CAPOS_E_BAD_ADDRESS);
    const void *wrapping = (const void *)UINT64_C(0xfffffffffffffff8);
    CHECK_RESULT(capos_console_write(console, CAPOS_CONSOLE_STREAM_ERROR, wrapping, 16, &count),
                 CAPOS_E_BAD_ADDRESS);
}

/* The run gives one line of input and then its end. A read may bring less than all there is. */
static void test_read(capos_cap_t console) {
    static const char wanted[] = "first line\n";
    char found[64];
    uint64_t length = 0, count = 1;
    int64_t result = 0;
    while (result == 0 && count != 0 && length < sizeof found) {
        result = capos_console_read(console, found + length, sizeof found - length, &count);
        length += result == 0 ? count : 0;
    }
    CHECK_RESULT(result, CAPOS_OK);
    CHECK(length == sizeof wanted - 1 && memcmp(found, wanted, length) == 0);
    CHECK_RESULT(capos_console_read(console, found, sizeof found, &count), CAPOS_OK);
    CHECK_EQUAL(count, 0);
    CHECK_RESULT(capos_console_read(console, (void *)UINT64_C(1), 64, &count), CAPOS_E_BAD_ADDRESS);
}

int main(void) {
    capos_cap_t console = capos_lookup("console", CAPOS_CONSOLE_INTERFACE);
    test_write(console);
    test_refused_writes(console);
    test_read(console);
    return tap_finish();
}
