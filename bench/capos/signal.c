/* Faults and interrupts that a handler in user space takes. */
#include <capos/handler.h>

#include "bench/capos/side.h"

static _Alignas(64) uint8_t stack[16384];

static void skip_load(struct capos_upcall_frame *frame) {
    frame->rip += 2;
}

static void go_on(struct capos_upcall_frame *frame) {
    (void)frame;
}

static void begin(capos_handler *handler) {
    CHECK(capos_handler_begin(capos_lookup("signals", CAPOS_SIGNAL_INTERFACE), handler, stack,
                              sizeof stack) == 0);
}

static inline void load(const volatile void *address) {
    __asm__ volatile("movb (%%rax), %%al" : "+a"(address) : : "memory");
}

BENCH(fault_handler) {
    uint64_t address;
    CHECK(capos_virtual_memory_reserve(capabilities.memory, 0, PAGE_BYTES, &address) == 0);
    begin(skip_load);
    MEASURE(measure, 1, ROUNDS, load((void *)address));
}

BENCH(breakpoint_handler) {
    begin(go_on);
    MEASURE(measure, 1, ROUNDS, __asm__ volatile("int3" : : : "memory"));
}
