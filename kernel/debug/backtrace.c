#include "kernel/debug/backtrace.h"

#include "kernel/debug/log.h"
#include "kernel/debug/symbols.h"

#define FRAMES_MAX 24u

static void print_address(uint64_t address) {
    uint64_t offset;
    const char *name = symbol_find(address, &offset);
    if (name != NULL) {
        log_printf("  0x%lx %s+0x%lx\n", address, name, offset);
    } else {
        log_printf("  0x%lx\n", address);
    }
}

void backtrace_print_from(uint64_t rip, uint64_t rbp) {
    log_printf("backtrace:\n");
    print_address(rip);
    /* A frame of the kernel lies in its half of the addresses and above the one before. */
    for (uint32_t i = 0; i < FRAMES_MAX && rbp >= DIRECT_MAP_BASE && rbp % 8 == 0; i++) {
        const uint64_t *frame = (const uint64_t *)(uintptr_t)rbp;
        if (frame[1] == 0) {
            return;
        }
        print_address(frame[1]);
        if (frame[0] <= rbp) {
            return;
        }
        rbp = frame[0];
    }
}
