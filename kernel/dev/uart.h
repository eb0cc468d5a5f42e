#pragma once
/*
 * The 16550 UART at COM1: the log where there is no debug console, and every stream but the report
 * where there is no virtio console. Interrupt-driven both ways.
 *
 * Rules
 * - uart_write_log: any CPU, any context, also before uart_init, which sends what came before it.
 *   Text that finds no room in the buffer is left out whole.
 * - The lock of the UART is taken inside those of streams, never the other way round.
 */
#include <stdbool.h>
#include <stddef.h>

/* Looks for the UART and connects its interrupt. At boot, once. */
void uart_init(void);

/* Connects input, output and error to the UART; false when there is none. At boot. */
bool uart_connect_streams(void);

void uart_write_log(const char *text, size_t length);

/* From now on uart_write_log polls and takes no lock; what is in the buffer goes first. */
void uart_begin_polling(void);
