#pragma once
/*
 * The kernel's own log: a line-oriented channel apart from every console of a program.
 * Lines go to the log device at once (debug console port, or the UART's buffer) and into a memory
 * buffer that keeps the last 16 KiB. Any CPU, any context, panic included.
 */
#include <stdarg.h>

#include "kernel/types.h"

__attribute__((format(printf, 1, 2))) void log_printf(const char *format, ...);

/* Called by the NMI handler: a CPU that another one's panic has stopped does not return. */
void log_stop_if_panicking(void);

/* Ends the machine: prints the reason and a backtrace on the log, stops the other CPUs, and leaves
 * the VM with the exit code for panics. */
__attribute__((format(printf, 1, 2))) _Noreturn void panic(const char *format, ...);

/* The same for a trap in the kernel: the backtrace begins where the trap came. */
__attribute__((format(printf, 3, 4))) _Noreturn void panic_at(uint64_t rip, uint64_t rbp,
                                                              const char *format, ...);
