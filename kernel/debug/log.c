#include "kernel/debug/log.h"

#include "core/format.h"
#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/debug/backtrace.h"
#include "kernel/dev/log_device.h"
#include "kernel/dev/machine_exit.h"

#define LINE_BYTES_MAX 256u
#define HISTORY_BYTES 16384u

static struct spinlock log_lock = SPINLOCK_INIT; /* guards the device's lines and the history */
static char history[HISTORY_BYTES];
static uint64_t history_length;    /* bytes ever written; the newest stand in the buffer */
static _Atomic uint32_t panicking; /* index of the CPU that panics, plus 1 */

static void write_line(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        history[history_length++ % HISTORY_BYTES] = text[i];
    }
    log_device_write(text, length);
}

void log_printf(const char *format, ...) {
    char line[LINE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_string_list(line, sizeof line, format, arguments);
    va_end(arguments);
    length = length < sizeof line ? length : sizeof line - 1;
    if (atomic_load_explicit(&panicking, memory_order_relaxed) != 0) {
        write_line(line, length); /* whoever held the lock has been stopped */
        return;
    }
    spinlock_lock(&log_lock);
    write_line(line, length);
    spinlock_unlock(&log_lock);
}

void log_stop_if_panicking(void) {
    uint32_t by = atomic_load_explicit(&panicking, memory_order_relaxed);
    if (by != 0 && by != cpu_current()->index + 1) {
        cpu_halt();
    }
}

static void begin_panic(void) {
    uint32_t nobody = 0, self = cpu_current()->index + 1;
    if (!atomic_compare_exchange_strong_explicit(&panicking, &nobody, self, memory_order_relaxed,
                                                 memory_order_relaxed)) {
        if (nobody == self) { /* a panic in the panic: say nothing more */
            machine_exit(MACHINE_EXIT_PANIC);
        }
        cpu_halt();
    }
    if (cpu_count() > 1) {
        apic_send_nmi_to_others();
    }
    log_device_begin_polling();
}

/* The headline comes first: the backtrace may lead into memory that is not there. */
_Noreturn static void finish_panic(uint64_t rip, uint64_t rbp, const char *format,
                                   va_list arguments) {
    char line[LINE_BYTES_MAX];
    begin_panic();
    format_string_list(line, sizeof line, format, arguments);
    log_printf("\nkernel panic on CPU %u: %s\n", cpu_current()->index, line);
    backtrace_print_from(rip, rbp);
    machine_exit(MACHINE_EXIT_PANIC);
}

_Noreturn void panic(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    finish_panic((uint64_t)(uintptr_t)__builtin_return_address(0),
                 *(uint64_t *)__builtin_frame_address(0), format, arguments);
}

_Noreturn void panic_at(uint64_t rip, uint64_t rbp, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    finish_panic(rip, rbp, format, arguments);
}

_Noreturn void assert_failed(const char *expression, const char *file, int line) {
    panic("%s:%d: assertion failed: %s", file, line, expression);
}
