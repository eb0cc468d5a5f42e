#pragma once
/*
 * The user's terminal while a guest has it: bytes go through as they are typed, and Ctrl-A is the
 * escape key: Ctrl-A X ends the machine, Ctrl-A Ctrl-A sends one Ctrl-A.
 *
 * Rules
 * - terminal_end restores what terminal_begin found; the session calls it on every way out, and
 *   the signals that end this tool come to it by way of the session.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

struct terminal {
    bool is_raw;
    bool after_escape; /* the last byte was Ctrl-A */
    bool wants_end;    /* Ctrl-A X was typed */
    struct termios saved;
};

/* Does nothing when standard input is not a terminal. */
void terminal_begin(struct terminal *terminal);
void terminal_end(struct terminal *terminal);

/* Takes the escapes out of what was typed; returns how many bytes are left. */
size_t terminal_filter(void *terminal, uint8_t *bytes, size_t size);
