// grants: console
// stdin: What goes in comes out.
// stdout: What goes in comes out.

/*
 * Copies the console's input to its output, byte for byte, until the input ends.
 *
 *   cat [BYTE]
 *
 * With BYTE it ends before the first byte of that value as well: on a terminal, 4 is Ctrl-D.
 */
#include <capos/capos.h>

CAPOS_REQUIRE("console", CONSOLE);

static unsigned char buffer[65536];

static int64_t write_all(capos_cap_t console, const unsigned char *bytes, uint64_t size) {
    while (size > 0) {
        uint64_t count;
        int64_t result =
            capos_console_write(console, CAPOS_CONSOLE_STREAM_OUTPUT, bytes, size, &count);
        if (result != 0) {
            return result;
        }
        bytes += count;
        size -= count;
    }
    return 0;
}

/* Copies until the input is at its end, or until end_byte comes; negative: until the end alone. */
static int64_t copy(capos_cap_t console, long long end_byte) {
    for (;;) {
        uint64_t count;
        int64_t result = capos_console_read(console, buffer, sizeof buffer, &count);
        if (result != 0 || count == 0) {
            return result;
        }
        const unsigned char *end = end_byte < 0 ? NULL : memchr(buffer, (int)end_byte, count);
        result = write_all(console, buffer, end != NULL ? (uint64_t)(end - buffer) : count);
        if (result != 0 || end != NULL) {
            return result;
        }
    }
}

int main(int argc, char **argv) {
    long long end_byte = -1;
    if (argc > 1 && (!capos_parse_integer(argv[1], &end_byte) || end_byte < 0 || end_byte > 255)) {
        capos_print_error("cat: BYTE is a number from 0 to 255\n");
        return 2;
    }
    int64_t result = copy(capos_lookup("console", CAPOS_CONSOLE_INTERFACE), end_byte);
    /* closed: whoever read our output has gone, which is no failure of ours. */
    return result == 0 || result == CAPOS_E_CLOSED ? 0 : 1;
}
