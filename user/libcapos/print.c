#include "capos/print.h"

#include "capos/console.h"
#include "capos/note.h"
#include "capos/start.h"
#include "capos/string.h"
#include "core/format.h"
#include "user/libcapos/internal.h"

#define WRITE_BYTES_MAX 65536u

/* What one call prints stays together. */
static struct capos_mutex print_lock;

static int64_t write_parts(enum capos_console_stream stream, const char *text, size_t size) {
    capos_cap_t console = capos_lookup("console", CAPOS_CONSOLE_INTERFACE);
    while (size > 0) {
        uint64_t count = 0;
        size_t part = size < WRITE_BYTES_MAX ? size : WRITE_BYTES_MAX;
        int64_t result = capos_console_write(console, stream, text, part, &count);
        if (result != 0) {
            return result;
        }
        text += count;
        size -= count;
    }
    return 0;
}

static int64_t write_all(enum capos_console_stream stream, const char *text, size_t size) {
    CAPOS_REQUIRE_HERE("console", CONSOLE);
    internal_lock(&print_lock);
    int64_t result = write_parts(stream, text, size);
    internal_unlock(&print_lock);
    return result;
}

int64_t capos_write(const void *bytes, size_t size) {
    return write_all(CAPOS_CONSOLE_STREAM_OUTPUT, bytes, size);
}

int64_t capos_write_error(const void *bytes, size_t size) {
    return write_all(CAPOS_CONSOLE_STREAM_ERROR, bytes, size);
}

int64_t capos_print(const char *text) {
    return capos_write(text, strlen(text));
}

int64_t capos_print_error(const char *text) {
    return capos_write_error(text, strlen(text));
}

static int64_t print_list(enum capos_console_stream stream, const char *format, va_list arguments) {
    char text[CAPOS_PRINTF_BYTES_MAX];
    size_t length = format_string_list(text, sizeof text, format, arguments);
    return write_all(stream, text, length < sizeof text ? length : sizeof text - 1);
}

int64_t capos_printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int64_t result = print_list(CAPOS_CONSOLE_STREAM_OUTPUT, format, arguments);
    va_end(arguments);
    return result;
}

int64_t capos_printf_error(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int64_t result = print_list(CAPOS_CONSOLE_STREAM_ERROR, format, arguments);
    va_end(arguments);
    return result;
}

size_t capos_format(char *buffer, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_string_list(buffer, size, format, arguments);
    va_end(arguments);
    return length;
}
