#include "tools/capos/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Bool message_has_colour(void) {
    const char *no_colour = getenv("NO_COLOR"); /* https://no-color.org */
    const char *terminal = getenv("TERM");
    if (no_colour != NULL && no_colour[0] != '\0') {
        return 0;
    }
    return terminal != NULL && strcmp(terminal, "dumb") != 0 && isatty(STDERR_FILENO);
}

/* One write for the whole line, so that it is not torn apart by the program's error output. */
static void print_line(const char *colour, const char *thing, const char *format,
                       va_list arguments) {
    char text[4096];
    const int length = vsnprintf(text, sizeof text, format, arguments);
    const char *start = message_has_colour() ? colour : "";
    const char *end = start[0] != '\0' ? "\033[0m" : "";
    char line[sizeof text + 1024];
    int used = snprintf(line, sizeof line, "%scapos:%s %.900s%s%s\n", start, end, thing,
                        thing[0] != '\0' ? ": " : "", length < 0 ? format : text);
    if (used >= (int)sizeof line) {
        used = (int)sizeof line - 1;
    }
    if (write(STDERR_FILENO, line, (size_t)used) < 0) {
        return; /* nobody listens, and there is no better place to say so */
    }
}

void message_error(const char *thing, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_line("\033[1;31m", thing, format, arguments);
    va_end(arguments);
}

void message_note(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_line("\033[1m", "", format, arguments);
    va_end(arguments);
}
