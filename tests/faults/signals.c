// grants: console,memory,spawner,system-info,signals,threads,thread-control
// cpus: 1

/* Upcalls: the kernel brings in the stack that it enters the handler on. */
#include "tests/faults/faults.h"

#define PAGE CAPOS_PAGE_SIZE
#define STACK_PAGES 4u
#define ROUNDS 3u

static capos_cap_t memory, signals;
static uint64_t stack;
static uint32_t faults, interrupts;

/* UD2 is two bytes long. */
static void handle(struct capos_upcall_frame *frame) {
    if (frame->kind == CAPOS_UPCALL_FAULT) {
        faults++;
        frame->rip += 2;
    } else {
        interrupts++;
    }
}

static void map_stack(void) {
    FAULTS_MUST(capos_virtual_memory_map(memory, 0, STACK_PAGES * PAGE,
                                         CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE, &stack));
}

static void begin_handling(void) {
    FAULTS_MUST(capos_handler_begin(signals, handle, (void *)(uintptr_t)stack, STACK_PAGES * PAGE));
}

/* Scenarios. */

/* Where there is no memory for the stack, the fault ends the process. */
static void fault_on_untouched_stack(void) {
    map_stack();
    begin_handling();
    faults_begin();
    for (unsigned round = 0; round < ROUNDS; round++) {
        FAULTS_MUST(capos_virtual_memory_decommit(memory, stack, STACK_PAGES * PAGE));
        __asm__ volatile("ud2" ::: "memory");
    }
    FAULTS_CHECK(faults == ROUNDS);
    FAULTS_MUST(capos_handler_end(signals));
}

static void interrupt_oneself(void) {
    capos_cap_t self;
    map_stack();
    begin_handling();
    FAULTS_MUST(capos_thread_self(&self));
    faults_begin();
    for (unsigned round = 0; round < ROUNDS; round++) {
        FAULTS_MUST(capos_virtual_memory_decommit(memory, stack, STACK_PAGES * PAGE));
        FAULTS_MUST(capos_thread_interrupt(self, 1));
    }
    FAULTS_CHECK(interrupts == ROUNDS);
    FAULTS_MUST(capos_release(self));
}

static const struct faults_scenario scenarios[] = {
    {"a fault with a handler on a stack that nobody has touched", fault_on_untouched_stack},
    {"an interrupt of oneself", interrupt_oneself},
};

int main(int argc, char **argv) {
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    signals = capos_lookup("signals", CAPOS_SIGNAL_INTERFACE);
    return faults_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
