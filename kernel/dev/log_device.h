#pragma once
/*
 * Where the kernel's log goes: the debug console port of QEMU and Bochs where it answers, the UART
 * elsewhere. Any CPU, any context; the caller sees to it that lines do not mix.
 */
#include <stddef.h>

void log_device_write(const char *text, size_t length);

/* For a panic and for the machine's end: sends what is buffered; from then on the device is polled,
 * and no lock is taken. */
void log_device_begin_polling(void);
