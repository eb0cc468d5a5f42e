#include "kernel/dev/log_device.h"

#include <stdbool.h>

#include "kernel/arch/x86_64/io.h"
#include "kernel/dev/uart.h"

#define DEBUG_CONSOLE 0xe9

/* The port reads as its own number where there is such a console. */
static bool has_debug_console(void) {
    return io_read8(DEBUG_CONSOLE) == DEBUG_CONSOLE;
}

void log_device_write(const char *text, size_t length) {
    if (!has_debug_console()) {
        uart_write_log(text, length);
        return;
    }
    for (size_t i = 0; i < length; i++) {
        io_write8(DEBUG_CONSOLE, (uint8_t)text[i]);
    }
}

void log_device_begin_polling(void) {
    if (!has_debug_console()) {
        uart_begin_polling();
    }
}
