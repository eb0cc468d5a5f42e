// grants: console,threads,thread-control,memory,park,timer,system-info,spawner
// cpus: any

/*
 * The end of a process with threads in every state: running, ready, parked in either form, waiting
 * in the ring, sleeping, joining. However it ends, all of them go, and all that they had comes
 * back.
 */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define FLAG                                                                                       \
    UINT64_C(0x200000000) /* a page of the parent's; a child unmaps it to say something            \
                           */
#define SETS 12u          /* more threads than the kernel tells in one step */

/* The child: threads in every state, then one of the ends. */

static uint32_t word, burning;

static int64_t park(void *argument) {
    return capos_park(&word, 0, CAPOS_FOREVER);
}

static int64_t park_with_deadline(void *argument) {
    return capos_park(&word, 0, UINT64_MAX - 1);
}

static int64_t park_in_ring(void *argument) {
    struct capos_ring_client ring;
    capos_ring_open(&ring);
    for (unsigned index = 0; index < 4; index++) {
        struct capos_entry *entry = capos_ring_prepare(&ring);
        entry->opcode = CAPOS_OP_PARK;
        entry->capability = crew_capability("park");
        entry->argument[0] = (uintptr_t)&word;
        entry->deadline_ns = index % 2 == 0 ? CAPOS_FOREVER : UINT64_MAX - 1;
    }
    return capos_ring_enter(&ring, 1, CAPOS_FOREVER);
}

static int64_t wait_in_ring(void *argument) {
    return capos_enter(0, 1, CAPOS_FOREVER);
}

static int64_t sleep(void *argument) {
    return capos_timer_sleep(crew_capability("timer"), UINT64_MAX - 1);
}

static int64_t join_other(void *argument) {
    return capos_thread_join(*(const capos_cap_t *)argument);
}

static int64_t burn(void *argument) {
    __atomic_fetch_add(&burning, 1, __ATOMIC_SEQ_CST);
    for (;;) {
    }
}

static int64_t yield_for_ever(void *argument) {
    for (;;) {
        capos_thread_yield();
    }
}

static int64_t fault(void *argument) {
    *(volatile int *)UINT64_C(0x1000) = 1;
    return 0;
}

static int64_t exit_from_thread(void *argument) {
    capos_exit(7);
}

static void start_all(void) {
    static int64_t (*const waits[])(void *argument) = {
        park, park_with_deadline, park_in_ring, wait_in_ring, sleep, join_other};
    enum { WAITS = sizeof waits / sizeof *waits };
    static struct capos_thread threads[SETS * WAITS];
    for (unsigned index = 0; index < SETS * WAITS; index++) {
        /* who joins, joins the first of its set */
        threads[index] =
            crew_start(waits[index % WAITS], &threads[index / WAITS * WAITS].capability);
    }
    for (unsigned index = 0; index < SETS * WAITS; index++) {
        crew_await_waiting(&threads[index]);
    }
    for (unsigned index = 0; index < SETS; index++) {
        (void)crew_start(burn, NULL);
        (void)crew_start(yield_for_ever, NULL);
    }
    crew_await(&burning, SETS);
}

static void raise_flag(void) {
    (void)capos_virtual_memory_unmap(crew_capability("parents-memory"), FLAG, CAPOS_PAGE_SIZE);
}

/* Exits, and says so if the program goes on after that. */
static void exit_and_go_on(void) {
    __asm__ volatile("syscall"
                     :
                     : "a"((uint64_t)CAPOS_SYS_EXIT), "D"(UINT64_C(7))
                     : "rcx", "r11", "memory");
    raise_flag();
    capos_exit(8);
}

static int play(const char *how) {
    start_all();
    if (strcmp(how, "exit") == 0) {
        exit_and_go_on();
    } else if (strcmp(how, "exit by a thread") == 0) {
        (void)crew_start(exit_from_thread, NULL);
    } else if (strcmp(how, "fault") == 0) {
        (void)crew_start(fault, NULL);
    } else if (strcmp(how, "return") == 0) {
        return 7;
    } else { /* to be killed */
        raise_flag();
    }
    return (int)wait_in_ring(NULL);
}

/* The parent. */

static bool is_flag_raised(void) {
    struct capos_virtual_memory_query_results run = {0};
    (void)capos_virtual_memory_query(crew_capability("memory"), FLAG, &run);
    return run.kind == CAPOS_VIRTUAL_MEMORY_KIND_FREE;
}

static capos_cap_t start_child(const char *how) {
    const struct capos_spawn_grant grants[] = {
        {"threads", crew_capability("threads"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"park", crew_capability("park"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"memory", crew_capability("memory"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"parents-memory", crew_capability("memory"), CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"thread-control", crew_capability("thread-control"), CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"timer", crew_capability("timer"), CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
    };
    struct child child = {
        .words = {how}, .grants = grants, .grant_count = sizeof grants / sizeof *grants};
    capos_cap_t process;
    uint32_t detail;
    if (child_spawn(&child, &process, &detail) != CAPOS_OK) {
        capos_abort("a child could not be started");
    }
    return process;
}

static struct capos_process_wait_results run_child(const char *how) {
    struct capos_process_wait_results end = {.reason = 99};
    uint64_t address;
    (void)capos_virtual_memory_map(crew_capability("memory"), FLAG, CAPOS_PAGE_SIZE, READ_WRITE,
                                   &address);
    capos_cap_t process = start_child(how);
    if (strcmp(how, "kill") == 0) {
        while (!is_flag_raised()) {
            capos_thread_yield();
        }
        (void)capos_process_kill(process);
    }
    CHECK_RESULT(capos_process_wait(process, &end), CAPOS_OK);
    CHECK_RESULT(capos_release(process), CAPOS_OK);
    return end;
}

/* Whoever completed our last wait may still be giving back its share: the most that is seen. */
static uint64_t settled_free_bytes(void) {
    struct capos_system_info_get_results info = {0};
    uint64_t most = 0;
    for (unsigned look = 0; look < 1000 || info.thread_count != 2; look++) {
        (void)capos_system_info_get(crew_capability("system-info"), &info);
        most = info.free_bytes > most ? info.free_bytes : most;
        capos_thread_yield();
    }
    return most;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return play(argv[1]);
    }
    static const struct {
        const char *how;
        enum capos_process_exit_reason reason;
        int64_t code;
    } ends[] = {
        {"kill", CAPOS_PROCESS_EXIT_REASON_KILLED, 0},
        {"exit", CAPOS_PROCESS_EXIT_REASON_EXITED, 7},
        {"exit by a thread", CAPOS_PROCESS_EXIT_REASON_EXITED, 7},
        {"return", CAPOS_PROCESS_EXIT_REASON_EXITED, 7},
        {"fault", CAPOS_PROCESS_EXIT_REASON_FAULTED, 0},
    };
    uint64_t before = 0, after = 0;
    for (unsigned turn = 0; turn < 2; turn++) {
        for (unsigned index = 0; index < sizeof ends / sizeof *ends; index++) {
            struct capos_process_wait_results end = run_child(ends[index].how);
            tap_report(end.reason == ends[index].reason && end.code == ends[index].code,
                       ends[index].how);
            CHECK(strcmp(ends[index].how, "exit") != 0 || !is_flag_raised());
        }
        after = settled_free_bytes();
        before = turn == 0 ? after : before; /* what we need ourselves is there by now */
    }
    CHECK_EQUAL(after, before);
    return tap_finish();
}
