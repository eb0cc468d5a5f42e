#include "tools/capos/terminal.h"

#include "tests/host/test.h"

/* What is left of the typed bytes; pieces are given apart, as a terminal gives them. */
static bool leaves(struct terminal *terminal, const char *typed, const char *wanted) {
    uint8_t bytes[64];
    memcpy(bytes, typed, strlen(typed));
    const size_t size = terminal_filter(terminal, bytes, strlen(typed));
    return size == strlen(wanted) && memcmp(bytes, wanted, size) == 0;
}

TEST(ordinary_bytes_go_through) {
    struct terminal terminal = {0};
    CHECK(leaves(&terminal, "xX\x03\x04\r\x7f\xff", "xX\x03\x04\r\x7f\xff"));
    CHECK(!terminal.wants_end);
}

TEST(ctrl_a_x_ends) {
    struct terminal terminal = {0};
    CHECK(leaves(&terminal, "ab\x01x", "ab"));
    CHECK(terminal.wants_end);
}

TEST(the_escape_may_come_in_two_pieces) {
    struct terminal terminal = {0};
    CHECK(leaves(&terminal, "ab\x01", "ab"));
    CHECK(!terminal.wants_end);
    CHECK(leaves(&terminal, "Xc", "c"));
    CHECK(terminal.wants_end);
}

TEST(ctrl_a_twice_sends_one) {
    struct terminal terminal = {0};
    CHECK(leaves(&terminal, "\x01\x01x\x01q", "\x01x"));
    CHECK(!terminal.wants_end);
}
