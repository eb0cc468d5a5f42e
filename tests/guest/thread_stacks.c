// grants: console,threads,thread-control,memory,process-info,spawner
// cpus: any

/* The stacks of libcapos's threads: mapped, given, kept, overflowing; and that none is left over.
 */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

static _Thread_local uint64_t initialised = 42;
static _Thread_local uint8_t zeros[3000];

/* 1 when the variables are those of a new thread. Leaves them otherwise. */
static int64_t use_variables(void *argument) {
    bool is_right = initialised == 42;
    for (size_t index = 0; index < sizeof zeros; index++) {
        is_right &= zeros[index] == 0;
    }
    initialised = 0;
    memset(zeros, 0xff, sizeof zeros);
    return is_right;
}

static int64_t twice(void *argument) {
    return 2 * *(const int64_t *)argument;
}

/* Options. */

static int64_t where(void *argument) {
    return (int64_t)(uintptr_t)__builtin_frame_address(0);
}

static void test_options(void) {
    struct capos_thread thread;
    struct capos_thread_options options = {.stack_bytes = CAPOS_THREAD_STACK_BYTES_MIN - 1};
    CHECK_RESULT(capos_thread_create(&thread, &options, where, NULL), CAPOS_E_INVALID_ARGUMENT);
    options.stack_bytes = SIZE_MAX;
    CHECK_RESULT(capos_thread_create(&thread, &options, where, NULL), CAPOS_E_INVALID_ARGUMENT);
    options = (struct capos_thread_options){.name = "a name of more than thirty-one bytes"};
    CHECK_RESULT(capos_thread_create(&thread, &options, where, NULL), CAPOS_E_TOO_LARGE);
    options.name = "a name of thirty-one characters";
    CHECK_RESULT(capos_thread_create(&thread, &options, where, NULL), CAPOS_OK);
    CHECK_RESULT(capos_thread_name(&thread, "another"), CAPOS_OK);
    CHECK(crew_value(&thread) != 0);

    static uint8_t stack[16384];
    options = (struct capos_thread_options){.stack = stack, .stack_bytes = 1024};
    CHECK_RESULT(capos_thread_create(&thread, &options, where, NULL), CAPOS_E_INVALID_ARGUMENT);
    options.stack_bytes = sizeof stack;
    for (unsigned round = 0; round < 2; round++) {
        CHECK_RESULT(capos_thread_create(&thread, &options, where, NULL), CAPOS_OK);
        uint64_t frame = (uint64_t)crew_value(&thread);
        CHECK(frame > (uintptr_t)stack && frame < (uintptr_t)stack + sizeof stack);
    }
    memset(stack, 0xee, sizeof stack); /* what was there before does not matter */
    CHECK_RESULT(capos_thread_create(&thread, &options, use_variables, NULL), CAPOS_OK);
    CHECK_EQUAL(crew_value(&thread), 1);
}

/* Nothing is left behind, whoever frees it. */

static struct capos_process_info_get_results usage(void) {
    struct capos_process_info_get_results info = {0};
    (void)capos_process_info_get(crew_capability("process-info"), &info);
    return info;
}

/* Nobody can wait for a detached thread, so we look more than once. */
static void await_frames(uint64_t frames) {
    for (unsigned look = 0; look < 10000 && usage().frames != frames; look++) {
        capos_thread_yield();
    }
}

static int64_t touch_and_count(void *argument) {
    volatile uint8_t frame[8192];
    for (size_t at = 0; at < sizeof frame; at += 512) {
        frame[at] = 1;
    }
    __atomic_fetch_add((uint32_t *)argument, 1, __ATOMIC_SEQ_CST);
    return frame[0];
}

static bool run_detached(uint32_t *count, unsigned turn) {
    const struct capos_thread_options detached = {.is_detached = true, .stack_bytes = 16384};
    const struct capos_thread_options named = {
        .is_detached = true, .stack_bytes = 16384, .name = "detached"};
    struct capos_thread thread;
    switch (turn % 4) {
    case 0:
        return capos_thread_create(NULL, &detached, touch_and_count, count) == CAPOS_OK;
    case 1:
        return capos_thread_create(NULL, &named, touch_and_count, count) == CAPOS_OK;
    case 2: /* perhaps before its end, perhaps after */
        thread = crew_start(touch_and_count, count);
        return capos_thread_detach(&thread) == CAPOS_OK;
    default:
        thread = crew_start(touch_and_count, count);
        crew_await(count, turn + 1);
        return capos_thread_detach(&thread) == CAPOS_OK;
    }
}

static void test_nothing_left(void) {
    uint32_t count = 0;
    bool is_right = true;
    struct capos_process_info_get_results before = usage();
    for (unsigned turn = 0; turn < 60; turn++) {
        is_right &= run_detached(&count, turn);
        crew_await(&count, turn + 1);
    }
    for (unsigned turn = 0; turn < 60; turn++) {
        struct capos_thread thread = crew_start(touch_and_count, &count);
        is_right &= crew_value(&thread) == 1;
    }
    await_frames(before.frames);
    struct capos_process_info_get_results after = usage();
    CHECK(is_right);
    CHECK_EQUAL(count, 120);
    CHECK_EQUAL(after.threads, 1);
    CHECK_EQUAL(after.slots, before.slots);
    CHECK_EQUAL(after.frames, before.frames);
}

/* Stacks of default size are kept for later threads, a few, and nobody sees what was in them. */

static int64_t run_nested(void *argument) {
    struct capos_thread thread;
    int64_t right = 0, value;
    for (unsigned turn = 0; turn < 5; turn++) {
        if (capos_thread_create(&thread, NULL, use_variables, NULL) == CAPOS_OK &&
            capos_thread_wait(&thread, &value) == CAPOS_OK) {
            right += value;
        }
    }
    return right;
}

static uint64_t run_nests(void) {
    struct capos_thread threads[2 * CAPOS_THREAD_STACKS_KEPT];
    int64_t value = 0, right = 0;
    for (unsigned index = 0; index < sizeof threads / sizeof *threads; index++) {
        if (capos_thread_create(&threads[index], NULL, run_nested, NULL) != CAPOS_OK) {
            capos_abort("a thread could not be started");
        }
    }
    for (unsigned index = 0; index < sizeof threads / sizeof *threads; index++) {
        right += capos_thread_wait(&threads[index], &value) == CAPOS_OK && value == 5;
    }
    CHECK_EQUAL(right, sizeof threads / sizeof *threads);
    return usage().frames;
}

static void test_kept_stacks(void) {
    uint64_t before = usage().frames, most = 0;
    for (unsigned turn = 0; turn < 4; turn++) {
        uint64_t frames = run_nests();
        most = frames > most ? frames : most;
    }
    /* of each stack a page or two, and the tables by which they are found */
    CHECK(most - before <= 4 * CAPOS_THREAD_STACKS_KEPT + 4);
}

/* In children: a stack that overflows, stacks that are given back, and threads without a grant of
 * memory. */

__attribute__((noinline)) static int64_t overflow(void *argument) {
    volatile uint8_t frame[1024];
    frame[0] = *(volatile uint8_t *)argument;
    return frame[0] == 0 ? overflow((void *)&frame[0]) + frame[0] : 0;
}

static int play_without_memory(void) {
    static _Alignas(64) uint8_t stack[16384];
    const struct capos_thread_options options = {.stack = stack, .stack_bytes = sizeof stack};
    struct capos_thread thread;
    int64_t value = 21;
    if (capos_thread_create(&thread, NULL, twice, &value) != CAPOS_E_BAD_CAPABILITY ||
        capos_thread_create(&thread, &options, twice, &value) != CAPOS_OK) {
        return 1;
    }
    return crew_value(&thread) == 42 ? 0 : 2;
}

/* Takes all the memory that may be committed, but for what the stacks hold that are kept. */
static int play_short_of_memory(void) {
    const size_t chunk_bytes = 65536, heap_bytes = 512 * 1024;
    struct capos_thread threads[CAPOS_THREAD_STACKS_KEPT];
    uint64_t address;
    for (unsigned index = 0; index < CAPOS_THREAD_STACKS_KEPT; index++) {
        if (capos_thread_create(&threads[index], NULL, where, NULL) != CAPOS_OK) {
            return 2;
        }
    }
    for (unsigned index = 0; index < CAPOS_THREAD_STACKS_KEPT; index++) {
        (void)crew_value(&threads[index]);
    }
    capos_cap_t memory = crew_capability("memory");
    while (capos_virtual_memory_map(memory, 0, chunk_bytes, READ_WRITE, &address) == CAPOS_OK) {
    }
    return capos_malloc(heap_bytes) != NULL ? 0 : 1;
}

static int play(const char *part) {
    if (strcmp(part, "overflow") == 0) {
        static uint8_t zero;
        struct capos_thread thread = crew_start(overflow, &zero);
        return (int)crew_value(&thread);
    }
    return strcmp(part, "short of memory") == 0 ? play_short_of_memory() : play_without_memory();
}

static struct capos_process_wait_results run_child(const char *part, uint32_t grant_count) {
    const struct capos_spawn_grant grants[] = {
        {"threads", crew_capability("threads"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"thread-control", crew_capability("thread-control"), CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"memory", crew_capability("memory"), CAPOS_SPAWN_GRANT_MODE_DERIVE, "16M"},
    };
    struct child child = {.words = {part}, .grants = grants, .grant_count = grant_count};
    struct capos_process_wait_results end = {.reason = 99};
    CHECK_RESULT(child_run(&child, &end), CAPOS_OK);
    return end;
}

static void test_children(void) {
    struct capos_process_wait_results end = run_child("overflow", 3);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_FAULTED && end.vector == 14);
    /* it came to the guard, and not beyond */
    CHECK(end.rsp - end.address < 4096 || end.address - end.rsp < 4096);
    end = run_child("short of memory", 3);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0);
    end = run_child("without memory", 2);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return play(argv[1]);
    }
    test_options();
    test_nothing_left();
    test_kept_stacks();
    test_children();
    return tap_finish();
}
