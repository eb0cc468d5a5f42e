#include "tools/capos/terminal.h"

#include <unistd.h>

#define CTRL_A 0x01

void terminal_begin(struct terminal *terminal) {
    *terminal = (struct terminal){0};
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &terminal->saved) != 0) {
        return;
    }
    struct termios raw = terminal->saved;
    cfmakeraw(&raw);
    /* The guest writes \n alone; the terminal's own driver makes it \r\n. */
    raw.c_oflag |= OPOST | ONLCR;
    terminal->is_raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

void terminal_end(struct terminal *terminal) {
    if (terminal->is_raw) {
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->saved);
        terminal->is_raw = false;
    }
}

size_t terminal_filter(void *argument, uint8_t *bytes, size_t size) {
    struct terminal *terminal = argument;
    size_t kept = 0;
    for (size_t i = 0; i < size; i++) {
        const uint8_t byte = bytes[i];
        if (!terminal->after_escape) {
            terminal->after_escape = byte == CTRL_A;
            if (byte != CTRL_A) {
                bytes[kept++] = byte;
            }
            continue;
        }
        terminal->after_escape = false;
        if (byte == 'x' || byte == 'X') {
            terminal->wants_end = true;
        } else if (byte == CTRL_A) {
            bytes[kept++] = byte;
        }
    }
    return kept;
}
