// grants: default,spawner
// seed: 1
// cpus: any
// also: --icount

/*
 * Calls through a capability against what takes it away, and waits against what ends them: each
 * operation completes once, and an id is good or it is not.
 */
#include "tests/guest/duel.h"

#define TURNS 60u
#define USES 20u
#define SLOTS 100u /* more than a table begins with */

static capos_cap_t control, memory;
static int64_t results[2];

/* The capability of a thread that has ended: nothing else holds its object. The second thread uses
 * it until it is told that there is none, or often enough. */
static capos_cap_t used;
static uint64_t used_id;
static bool is_odd;

static void use(void) {
    for (unsigned turn = 0; turn < USES; turn++) {
        struct capos_thread_info_results info = {0};
        int64_t result = capos_thread_info(__atomic_load_n(&used, __ATOMIC_SEQ_CST), &info);
        is_odd = is_odd || (result != CAPOS_OK && result != CAPOS_E_BAD_CAPABILITY) ||
                 (result == CAPOS_OK && info.thread_id != used_id);
        duel_wait(duel_delay % 50);
    }
}

static int64_t run_nothing(void *argument) {
    (void)argument;
    return 0;
}

static bool take_capability(void) {
    static _Alignas(16) uint8_t stack[8192];
    const struct capos_thread_options options = {.stack = stack, .stack_bytes = sizeof stack};
    struct capos_thread thread;
    if (capos_thread_create(&thread, &options, run_nothing, NULL) != CAPOS_OK ||
        capos_thread_join(thread.capability) != CAPOS_OK) {
        return false;
    }
    used = thread.capability;
    used_id = thread.id;
    is_odd = false;
    return true;
}

/* Puts other things into the frames that have become free. */
static void use_free_frames(void) {
    uint64_t at;
    if (capos_virtual_memory_map(memory, 0, 4 * CAPOS_PAGE_SIZE,
                                 CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE, &at) == CAPOS_OK) {
        for (unsigned page = 0; page < 4; page++) {
            *(volatile uint8_t *)(at + page * CAPOS_PAGE_SIZE) = 0;
        }
        (void)capos_virtual_memory_unmap(memory, at, 4 * CAPOS_PAGE_SIZE);
    }
}

static void release(void) {
    results[0] = capos_release(used);
    use_free_frames();
}

static bool release_and_use(uint64_t number) {
    struct capos_thread_info_results info = {0};
    (void)number;
    if (!take_capability()) {
        return false;
    }
    duel_go(release);
    return results[0] == CAPOS_OK && !is_odd &&
           capos_thread_info(used, &info) == CAPOS_E_BAD_CAPABILITY;
}

/* Both release it: one of them had it. */
static void release_second(void) {
    results[1] = capos_release(used);
}

static bool release_together(uint64_t number) {
    (void)number;
    if (!take_capability()) {
        return false;
    }
    duel_go(release);
    return results[0] + results[1] == CAPOS_E_BAD_CAPABILITY &&
           (results[0] == CAPOS_OK || results[1] == CAPOS_OK);
}

/* The first moves it to a child. */
static void move(void) {
    const struct capos_spawn_grant grants[] = {{"thread", used, CAPOS_SPAWN_GRANT_MODE_MOVE, NULL}};
    struct child child = {.words = {"exit", "0"}, .grants = grants, .grant_count = 1};
    struct capos_process_wait_results end;
    results[0] = child_run(&child, &end);
}

static bool move_and_use(uint64_t number) {
    struct capos_thread_info_results info = {0};
    (void)number;
    if (!take_capability()) {
        return false;
    }
    duel_go(move);
    return results[0] == CAPOS_OK && !is_odd &&
           capos_thread_info(used, &info) == CAPOS_E_BAD_CAPABILITY;
}

/* The table grows while the other looks things up in it. */
static void fill_table(void) {
    static capos_cap_t ids[SLOTS];
    results[0] = CAPOS_OK;
    for (unsigned index = 0; index < SLOTS; index++) {
        int64_t result = capos_thread_control_self(control, &ids[index]);
        results[0] = results[0] != CAPOS_OK ? results[0] : result;
        __atomic_store_n(&used, ids[index], __ATOMIC_SEQ_CST);
        race_pause();
    }
    for (unsigned index = 0; index < SLOTS; index++) {
        int64_t result = capos_release(ids[index]);
        results[0] = results[0] != CAPOS_OK ? results[0] : result;
    }
}

static bool grow_and_use(uint64_t number) {
    struct capos_thread_info_results info = {0};
    (void)number;
    if (capos_thread_control_self(control, &used) != CAPOS_OK ||
        capos_thread_info(used, &info) != CAPOS_OK || capos_release(used) != CAPOS_OK) {
        return false;
    }
    used_id = info.thread_id;
    is_odd = false;
    duel_go(fill_table);
    return results[0] == CAPOS_OK && !is_odd;
}

/* A wait for a process, in the ring, that is cancelled while the process is killed. */
static capos_cap_t process;

static void start_sleeper(void) {
    process = child_start(&(struct child){.words = {"sleep", "0"}});
}

static void kill(void) {
    results[0] = capos_process_kill(process);
}

static int64_t cancelled;

static void wait_and_cancel(void) {
    static struct capos_process_wait_results end;
    struct capos_ring_client ring;
    struct capos_entry *entry = duel_prepare(&ring, CAPOS_OP_CALL, process);
    end.root = CAPOS_PROCESS_WAIT_PARAMS_ROOT;
    entry->method = CAPOS_PROCESS_METHOD_WAIT;
    entry->length = sizeof(struct capos_process_wait_params);
    entry->argument[0] = (uint64_t)(uintptr_t)&end;
    results[1] = duel_cancel(&ring, 20 * duel_delay, &cancelled);
    duel_count(results[1]);
}

/* Both sleep in rings, and cancel that when it is due. */
static void sleep_and_cancel(unsigned which, uint64_t delay) {
    int64_t answer;
    struct capos_ring_client ring;
    struct capos_entry *entry =
        duel_prepare(&ring, CAPOS_OP_CALL, capos_lookup("timer", CAPOS_TIMER_INTERFACE));
    entry->flags = CAPOS_ENTRY_INLINE;
    entry->method = CAPOS_TIMER_METHOD_SLEEP;
    entry->argument[0] = duel_now() + 40 * delay;
    int64_t result = duel_cancel(&ring, delay, &answer);
    bool is_cancelled = answer == CAPOS_OK;
    bool is_right = result == (is_cancelled ? CAPOS_E_CANCELLED : CAPOS_OK);
    results[which] = is_right ? CAPOS_OK : 1;
    if (which == 0) {
        duel_count(result);
    }
}

static void sleep_first(void) {
    sleep_and_cancel(0, race_draw(DUEL_DELAY_MAX));
}

static void sleep_second(void) {
    sleep_and_cancel(1, duel_delay);
}

static bool cancel_and_timer(uint64_t number) {
    (void)number;
    duel_go(sleep_first);
    return results[0] == CAPOS_OK && results[1] == CAPOS_OK;
}

static bool cancel_and_end(uint64_t number) {
    (void)number;
    start_sleeper();
    duel_go(kill);
    bool is_cancelled = cancelled == CAPOS_OK;
    return child_has_ended(process, CAPOS_PROCESS_EXIT_REASON_KILLED) && results[0] == CAPOS_OK &&
           results[1] == (is_cancelled ? CAPOS_E_CANCELLED : CAPOS_OK);
}

static void kill_second(void) {
    results[1] = capos_process_kill(process);
}

static bool kill_together(uint64_t number) {
    (void)number;
    start_sleeper();
    duel_go(kill);
    return child_has_ended(process, CAPOS_PROCESS_EXIT_REASON_KILLED) && results[0] == CAPOS_OK &&
           results[1] == CAPOS_OK;
}

/* Both start processes, and wait for them. */
static void run_child(unsigned which) {
    const struct child child = {.words = {"exit", "0"}};
    struct capos_process_wait_results end = {.reason = 99};
    int64_t result = child_run(&child, &end);
    results[which] = result == CAPOS_OK && end.code != 0 ? 1 : result;
}

static void run_first(void) {
    run_child(0);
}

static void run_second(void) {
    run_child(1);
}

static bool spawn_together(uint64_t number) {
    (void)number;
    duel_go(run_first);
    return results[0] == CAPOS_OK && results[1] == CAPOS_OK;
}

static const struct duel duels[] = {
    {"release against use", release_and_use, use, TURNS},
    {"release against release", release_together, release_second, TURNS},
    {"move against use", move_and_use, use, TURNS},
    {"a table that grows against use", grow_and_use, use, TURNS},
    {"cancel against the end of what is waited for", cancel_and_end, wait_and_cancel, TURNS},
    {"cancel against a timer", cancel_and_timer, sleep_second, TURNS},
    {"kill against kill", kill_together, kill_second, TURNS},
    {"spawn against spawn", spawn_together, run_second, TURNS},
};

int main(int argc, char **argv) {
    if (argc == 3) {
        return strcmp(argv[1], "sleep") == 0 ? (int)capos_enter(0, 1, CAPOS_FOREVER) : 0;
    }
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    control = capos_lookup("thread-control", CAPOS_THREAD_CONTROL_INTERFACE);
    return duel_main(argc, argv, duels, sizeof duels / sizeof *duels);
}
