// grants: console,threads,thread-control,memory,park,process-info,system-info,spawner
// cpus: any
// options: --memory 128M
// also: --memory 512M
// seconds: 180

/*
 * Threads by the thousand: 4,096 at once in a machine of 128 MiB, that end one by one or with their
 * process; and a bomb, up to the end of memory or the stated limit, with a clear refusal. All is
 * given back.
 */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define MANY 4096u

static uint32_t gate, count;

static int64_t wait_for_gate(void *argument) {
    __atomic_fetch_add(&count, 1, __ATOMIC_SEQ_CST);
    while (crew_load(&gate) == 0) {
        (void)capos_park(&gate, 0, CAPOS_FOREVER);
    }
    return (int64_t)(uintptr_t)argument;
}

static struct capos_process_info_get_results usage(void) {
    struct capos_process_info_get_results info = {0};
    (void)capos_process_info_get(crew_capability("process-info"), &info);
    return info;
}

static struct capos_thread threads[MANY];

/* All of them parked. */
static void start_many(unsigned many) {
    for (unsigned index = 0; index < many; index++) {
        threads[index] = crew_start(wait_for_gate, &threads[index]);
    }
    for (unsigned index = 0; index < many; index++) {
        crew_await_waiting(&threads[index]);
    }
}

static bool end_many(unsigned many) {
    bool is_right = true;
    crew_store(&gate, 1);
    is_right &= capos_unpark(&gate, UINT64_MAX) == (int64_t)many;
    for (unsigned index = 0; index < many; index++) {
        is_right &= crew_value(&threads[index]) == (int64_t)(uintptr_t)&threads[index];
    }
    return is_right;
}

static struct capos_system_info_get_results machine(void) {
    struct capos_system_info_get_results info = {0};
    (void)capos_system_info_get(crew_capability("system-info"), &info);
    return info;
}

/* Each end makes the other CPUs forget a ring and a stack, which takes its time in a virtual
 * machine: where there are others, fewer end one by one. */
static void test_one_by_one(void) {
    unsigned many = machine().cpu_count == 1 ? MANY : MANY / 64;
    struct capos_process_info_get_results before = {0}, after;
    for (unsigned turn = 0; turn < 2; turn++) {
        before = usage();
        crew_store(&gate, 0);
        start_many(many);
        CHECK_EQUAL(usage().threads, many + 1);
        CHECK(end_many(many));
    }
    after = usage();
    CHECK_EQUAL(after.threads, 1);
    CHECK_EQUAL(after.slots, before.slots);
    CHECK_EQUAL(after.frames, before.frames);
}

/* More waiters than one call moves: a broadcast reaches all of them, and each has its turn. */

enum { CROWD = CAPOS_REQUEUE_MAX + 100 };

static struct capos_mutex mutex;
static struct capos_cond cond;
static bool is_begun;
static uint64_t turns;

static int64_t wait_for_begin(void *argument) {
    capos_mutex_lock(&mutex);
    while (!is_begun) {
        (void)capos_cond_wait(&cond, &mutex, CAPOS_FOREVER);
    }
    turns++;
    capos_mutex_unlock(&mutex);
    return 0;
}

static void test_broadcast(void) {
    for (unsigned index = 0; index < CROWD; index++) {
        threads[index] = crew_start(wait_for_begin, NULL);
    }
    for (unsigned index = 0; index < CROWD; index++) {
        crew_await_waiting(&threads[index]);
    }
    capos_mutex_lock(&mutex);
    is_begun = true;
    capos_cond_broadcast(&cond, &mutex);
    capos_mutex_unlock(&mutex);
    for (unsigned index = 0; index < CROWD; index++) {
        (void)crew_value(&threads[index]);
    }
    CHECK_EQUAL(turns, CROWD);
}

/* The process ends, and all its threads with it. */
static int play_many(void) {
    start_many(MANY);
    return usage().threads == MANY + 1 ? 0 : 1;
}

/* The bomb: as many as there can be, on as little as a thread can have. */

/* A thread costs four frames, and something over: enough for all there may be. */
#define BOMB_BYTES (CAPOS_THREADS_MAX * UINT64_C(6) * CAPOS_PAGE_SIZE)

enum bomb { BOMB_LIMIT = 10, BOMB_MEMORY, BOMB_WRONG };

_Noreturn static void wait_for_ever(void) {
    for (;;) {
        (void)capos_enter(0, 1, CAPOS_FOREVER);
    }
}

/* All share one stack: none of them ever uses it. Ends with threads ready, running and waiting. */
static int play_bomb(void) {
    static _Alignas(16) uint8_t stack[4096];
    struct capos_thread_spawner_create_results made;
    capos_cap_t spawner = crew_capability("threads");
    uint32_t made_count = 0;
    for (;;) {
        int64_t result = capos_thread_spawner_create(spawner, (uintptr_t)wait_for_ever,
                                                     (uintptr_t)stack + sizeof stack - 8, 0, 0,
                                                     CAPOS_THREAD_DETACHED, &made);
        if (result == CAPOS_OK) {
            made_count++;
            continue;
        }
        if (result == CAPOS_E_OVER_QUOTA && made_count == CAPOS_THREADS_MAX - 1) {
            return BOMB_LIMIT;
        }
        bool is_memory = result == CAPOS_E_NO_MEMORY || result == CAPOS_E_OVER_QUOTA;
        return is_memory && made_count > 100 ? BOMB_MEMORY : BOMB_WRONG;
    }
}

/* Runs this program as a child; frames_limit 0: all that there is. */
static int64_t run(const char *part, uint64_t frames_limit) {
    const struct capos_spawn_grant grants[] = {
        {"threads", crew_capability("threads"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"thread-control", crew_capability("thread-control"), CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"memory", crew_capability("memory"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"park", crew_capability("park"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"process-info", crew_capability("process-info"), CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
    };
    struct child child = {.words = {part},
                          .grants = grants,
                          .grant_count = sizeof grants / sizeof *grants,
                          .frames_limit = frames_limit};
    struct capos_process_wait_results end = {.reason = 99};
    CHECK_RESULT(child_run(&child, &end), CAPOS_OK);
    CHECK_EQUAL(end.reason, CAPOS_PROCESS_EXIT_REASON_EXITED);
    return end.code;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return strcmp(argv[1], "many") == 0 ? play_many() : play_bomb();
    }
    test_one_by_one();
    test_broadcast();
    CHECK_EQUAL(run("bomb", 4000), BOMB_MEMORY);
    uint64_t before = machine().free_bytes;
    CHECK_EQUAL(run("many", 0), 0);
    int64_t code = run("bomb", 0);
    CHECK_EQUAL(code, machine().memory_bytes < BOMB_BYTES ? BOMB_MEMORY : BOMB_LIMIT);
    CHECK_EQUAL(run("bomb", 4000), BOMB_MEMORY);
    CHECK_EQUAL(machine().free_bytes, before);
    return tap_finish();
}
