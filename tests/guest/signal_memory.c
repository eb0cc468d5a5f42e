// grants: console,signals,threads,thread-control,memory,park,spawner
// cpus: any

/*
 * A handler's stack that is taken away from under it: one thread faults all the time, another takes
 * the memory of its frames away, and a third looks whether anybody writes to memory that is its own
 * by now. The process ends by a frame that is not there any more, and by nothing else.
 */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/signal_storm/storm.h"
#include "tests/guest/tap.h"

#define CHILDREN 24u
#define PAGES 6u
#define BREAKPOINT 3u
#define BAD_UPCALL 65u
#define STACK_BYTES (2 * CAPOS_PAGE_SIZE)

static capos_cap_t memory;
static uint64_t stack;

static int64_t fault_for_ever(void *argument) {
    if (capos_signal_set_handler(storm_signals, (uintptr_t)storm_handler, stack, STACK_BYTES) !=
        CAPOS_OK) {
        return 1;
    }
    while (storm_hold_general_faulting(storm_faults, 64)) {
    }
    capos_exit(2);
}

static int64_t look_for_ever(void *argument) {
    for (;;) {
        uint8_t *pages = crew_map(PAGES * CAPOS_PAGE_SIZE);
        memset(pages, 0x77, PAGES * CAPOS_PAGE_SIZE);
        for (unsigned turn = 0; turn < 4; turn++) {
            for (size_t i = 0; i < PAGES * CAPOS_PAGE_SIZE; i += 8) {
                if (*(volatile uint64_t *)(void *)(pages + i) != UINT64_C(0x7777777777777777)) {
                    capos_exit(3);
                }
            }
        }
        if (capos_virtual_memory_unmap(memory, (uintptr_t)pages, PAGES * CAPOS_PAGE_SIZE) != 0) {
            capos_exit(4);
        }
    }
}

static int play(const char *number) {
    long long turn = 0;
    storm_signals = crew_capability("signals");
    memory = crew_capability("memory");
    stack = (uintptr_t)crew_map(STACK_BYTES);
    if (!capos_parse_integer(number, &turn)) {
        return 5;
    }
    (void)crew_start(look_for_ever, NULL);
    (void)crew_start(fault_for_ever, NULL);
    while (__atomic_load_n(&storm_faults, __ATOMIC_RELAXED) < 200) {
        capos_thread_yield();
    }
    for (volatile long long pause = 0; pause < turn * 37; pause++) {
    }
    for (;;) {
        int64_t result = turn % 2 == 0 ? capos_virtual_memory_decommit(memory, stack, STACK_BYTES)
                                       : capos_virtual_memory_unmap(memory, stack, STACK_BYTES);
        if (result != CAPOS_OK) {
            return 6;
        }
    }
}

static bool ends_by_its_stack(unsigned number) {
    char text[16];
    capos_format(text, sizeof text, "%u", number);
    const struct capos_spawn_grant grants[] = {
        {"signals", storm_signals, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"memory", memory, CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"threads", crew_capability("threads"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"park", crew_capability("park"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"thread-control", crew_capability("thread-control"), CAPOS_SPAWN_GRANT_MODE_COPY, NULL}};
    struct child child = {.words = {text}, .grants = grants, .grant_count = 5};
    struct capos_process_wait_results end = {0};
    int64_t result = child_run(&child, &end);
    bool is_right = result == CAPOS_OK && end.reason == CAPOS_PROCESS_EXIT_REASON_FAULTED &&
                    (end.vector == BAD_UPCALL || end.vector == BREAKPOINT);
    if (!is_right) {
        capos_printf("# number %u\n", number);
        child_print_end(result, &end);
    }
    return is_right;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return play(argv[1]);
    }
    storm_signals = crew_capability("signals");
    memory = crew_capability("memory");
    bool is_right = true;
    for (unsigned number = 0; number < CHILDREN; number++) {
        is_right &= ends_by_its_stack(number);
    }
    CHECK(is_right);
    return tap_finish();
}
