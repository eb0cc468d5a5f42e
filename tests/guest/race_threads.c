// grants: default,spawner
// seed: 1
// cpus: any
// also: --icount

/*
 * The end of threads and processes against whatever goes on at that moment: joins, waits for the
 * word that an end clears, threads that are being made, and threads wherever a kill finds them.
 */
#include <capos/handler.h>

#include "tests/guest/duel.h"

#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)
#define TURNS 40u
#define STACK_BYTES 8192u

static capos_cap_t control;

/* A thread that ends after a delay, and who waits for it twice over. */
static struct capos_thread thread;
static int64_t joined;

static int64_t run_short(void *argument) {
    race_spin((uint64_t)(uintptr_t)argument);
    return 7;
}

static void join(void) {
    joined = capos_thread_join(thread.capability);
}

static int64_t waited, value;

static void wait_for_it(void) {
    value = 0;
    waited = capos_thread_wait(&thread, &value); /* gives the capability up */
}

static bool exit_and_join(uint64_t number) {
    (void)number;
    duel_start(run_short, (const void *)(uintptr_t)race_draw(DUEL_DELAY_MAX), &thread);
    duel_go(wait_for_it);
    duel_count(joined);
    return waited == CAPOS_OK && value == 7 &&
           (joined == CAPOS_OK || joined == CAPOS_E_BAD_CAPABILITY);
}

/* A wait that is cancelled, by its deadline, while the thread ends. */
static void join_until_soon(void) {
    struct capos_ring_client ring;
    struct capos_entry *entry = duel_prepare(&ring, CAPOS_OP_CALL, thread.capability);
    entry->flags = CAPOS_ENTRY_INLINE;
    entry->method = CAPOS_THREAD_METHOD_JOIN;
    entry->deadline_ns = duel_now() + 5 * duel_delay;
    joined = duel_complete(&ring);
}

static bool exit_and_join_until(uint64_t number) {
    (void)number;
    duel_start(run_short, (const void *)(uintptr_t)race_draw(DUEL_DELAY_MAX), &thread);
    duel_go(wait_for_it);
    duel_count(joined);
    return waited == CAPOS_OK && value == 7 &&
           (joined == CAPOS_OK || joined == CAPOS_E_BAD_CAPABILITY || joined == CAPOS_E_TIMED_OUT);
}

/* An end that clears a word, for which somebody parks; it frees its own stack. */
static uint32_t word;
static uint64_t stack;

_Noreturn static void end_with_word(void) {
    (void)capos_thread_control_exit(control, (uint64_t)(uintptr_t)&word, stack, STACK_BYTES);
    capos_abort("a thread goes on after its end");
}

static void start_with_word(void) {
    capos_cap_t spawner = capos_lookup("threads", CAPOS_THREAD_SPAWNER_INTERFACE);
    struct capos_thread_spawner_create_results made;
    int64_t result =
        capos_thread_spawner_create(spawner, (uintptr_t)end_with_word, stack + STACK_BYTES - 8, 0,
                                    0, CAPOS_THREAD_DETACHED, &made);
    if (result != CAPOS_OK) {
        capos_abort("a thread could not be started");
    }
}

static void await_word(void) {
    while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) != 0) {
        (void)capos_park(&word, 1, CAPOS_FOREVER);
        race_pause();
    }
}

static bool exit_and_word(uint64_t number) {
    (void)number;
    struct capos_virtual_memory_query_results run = {0};
    capos_cap_t memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    if (capos_virtual_memory_map(memory, 0, STACK_BYTES, READ_WRITE, &stack) != CAPOS_OK) {
        return false;
    }
    word = 1;
    duel_go(start_with_word);
    (void)capos_virtual_memory_query(memory, stack, &run);
    return run.kind == CAPOS_VIRTUAL_MEMORY_KIND_FREE;
}

/* A process ends while it makes threads, which make others. */
static int64_t run_nothing(void *argument) {
    return (int64_t)(uintptr_t)argument;
}

static int64_t run_maker(void *argument) {
    const struct capos_thread_options options = {.stack_bytes = 4096, .is_detached = true};
    (void)argument;
    for (;;) {
        (void)capos_thread_create(NULL, &options, run_nothing, NULL);
        race_pause();
    }
}

static int end_while_making(uint64_t delay) {
    struct capos_thread makers[2];
    duel_start(run_maker, NULL, &makers[0]);
    duel_start(run_maker, NULL, &makers[1]);
    race_spin(delay);
    return 0;
}

/* A process is killed while its threads are at whatever there is to be at. */
static uint32_t gate;

static int64_t run_parker(void *argument) {
    (void)argument;
    for (;;) {
        (void)capos_park(&gate, 0, CAPOS_FOREVER);
        race_pause();
    }
}

static int64_t run_waker(void *argument) {
    (void)argument;
    for (;;) {
        (void)capos_unpark(&gate, 1);
        race_pause();
    }
}

static int64_t run_mapper(void *argument) {
    capos_cap_t memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    (void)argument;
    for (;;) {
        uint64_t at;
        if (capos_virtual_memory_map(memory, 0, 4 * CAPOS_PAGE_SIZE, READ_WRITE, &at) == CAPOS_OK) {
            *(volatile uint8_t *)at = 1;
            (void)capos_virtual_memory_unmap(memory, at, 4 * CAPOS_PAGE_SIZE);
        }
        race_pause();
    }
}

static int64_t run_joiner(void *argument) {
    (void)capos_thread_join(((struct capos_thread *)argument)->capability);
    return 0;
}

static void skip_fault(struct capos_upcall_frame *frame) {
    frame->rip += frame->kind == CAPOS_UPCALL_FAULT ? 2 : 0; /* behind UD2 */
}

static int64_t run_faulter(void *argument) {
    static _Alignas(64) uint8_t handler_stack[16384];
    capos_cap_t signals = capos_lookup("signals", CAPOS_SIGNAL_INTERFACE);
    (void)argument;
    (void)capos_handler_begin(signals, skip_fault, handler_stack, sizeof handler_stack);
    for (;;) {
        __asm__ volatile("ud2" ::: "memory");
        race_pause();
    }
}

static int64_t run_interrupter(void *argument) {
    const struct capos_thread *threads = argument;
    for (uint64_t turn = 0;; turn++) {
        (void)capos_thread_interrupt(threads[turn % 4].capability, 1);
        race_pause();
    }
}

static int do_everything(uint64_t delay) {
    static struct capos_thread threads[7];
    duel_start(run_parker, NULL, &threads[0]);
    duel_start(run_waker, NULL, &threads[1]);
    duel_start(run_mapper, NULL, &threads[2]);
    duel_start(run_faulter, NULL, &threads[3]);
    duel_start(run_joiner, &threads[0], &threads[4]);
    duel_start(run_maker, NULL, &threads[5]);
    duel_start(run_interrupter, threads, &threads[6]);
    race_spin(delay);
    for (;;) {
        race_yield();
    }
}

static capos_cap_t start_process(const char *role) {
    char delay[24];
    capos_format(delay, sizeof delay, "%lu", race_draw(8 * DUEL_DELAY_MAX));
    struct child child = {.words = {role, delay}};
    struct capos_spawn_grant grants[CHILD_GRANTS_MAX];
    child.grants = grants;
    child.grant_count = child_take_grants(grants);
    return child_start(&child);
}

static bool end_and_create(uint64_t number) {
    (void)number;
    return child_has_ended(start_process("making"), CAPOS_PROCESS_EXIT_REASON_EXITED);
}

static bool kill_everything(uint64_t number) {
    (void)number;
    capos_cap_t process = start_process("everything");
    race_spin(race_draw(20 * DUEL_DELAY_MAX));
    return child_is_killed(process);
}

static const struct duel duels[] = {
    {"exit against join", exit_and_join, join, TURNS},
    {"exit against a join that times out", exit_and_join_until, join_until_soon, TURNS},
    {"exit against who parks for it", exit_and_word, await_word, TURNS},
    {"the end of a process against new threads", end_and_create, NULL, TURNS},
    {"a kill against threads at everything", kill_everything, NULL, TURNS},
};

int main(int argc, char **argv) {
    long long delay;
    control = capos_lookup("thread-control", CAPOS_THREAD_CONTROL_INTERFACE);
    if (argc == 3 && capos_parse_integer(argv[2], &delay)) {
        return strcmp(argv[1], "making") == 0 ? end_while_making((uint64_t)delay)
                                              : do_everything((uint64_t)delay);
    }
    return duel_main(argc, argv, duels, sizeof duels / sizeof *duels);
}
