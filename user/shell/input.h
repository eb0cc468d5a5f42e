#pragma once
/* What is typed: single bytes, and lines with editing and a history. */
#include <stdbool.h>

#define LINE_BYTES_MAX 256u

/* Prompts and reads one line, without its end. False when the input has ended, or Ctrl-D was typed
 * on an empty line. */
bool input_read_line(const char *prompt, char line[LINE_BYTES_MAX]);

/* Waits for a key; false when the input has ended, or for Ctrl-C, Ctrl-D and q. */
bool input_wait_key(const char *prompt);
