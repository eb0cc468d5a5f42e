// grants: console,threads,thread-control,memory,park,process-info,spawner
// cpus: any
// stdout: # thread 0 says line 9 in one piece
// stdout: # thread 3 says line 9 in one piece

/* The threads of libcapos: start and end, stacks, thread-local variables, registers, heap, print.
 */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define THREADS 4u

static int64_t twice(void *argument) {
    return 2 * *(const int64_t *)argument;
}

static void test_values(void) {
    struct capos_thread threads[THREADS];
    int64_t arguments[THREADS];
    bool is_right = true;
    for (unsigned index = 0; index < THREADS; index++) {
        arguments[index] = INT64_MIN / 4 + (int64_t)index;
        threads[index] = crew_start(twice, &arguments[index]);
        is_right &= index == 0 || threads[index].id > threads[index - 1].id;
    }
    CHECK(is_right);
    for (unsigned index = THREADS; index-- > 0;) {
        is_right &= crew_value(&threads[index]) == 2 * arguments[index];
    }
    CHECK(is_right);
    CHECK_RESULT(capos_thread_join(threads[0].capability), CAPOS_E_BAD_CAPABILITY);
}

__attribute__((noinline)) static void leave_from_deep(unsigned depth, int64_t value) {
    volatile char frame[64];
    frame[0] = (char)depth;
    if (depth == 0) {
        capos_thread_exit(value + frame[0]);
    }
    leave_from_deep(depth - 1, value);
    frame[1] = 0;
}

static int64_t leave(void *argument) {
    leave_from_deep(10, 4711);
    return 0;
}

static void test_exit(void) {
    struct capos_thread thread = crew_start(leave, NULL);
    CHECK_EQUAL(crew_value(&thread), 4711);
}

/* Each thread has a ring, and capos_ring_open finds it. */

static int64_t use_ring(void *argument) {
    struct capos_ring_client ring;
    struct capos_completion completion;
    capos_ring_open(&ring);
    for (uint32_t index = 0; index < 40; index++) {
        capos_ring_prepare(&ring)->user_data = index;
    }
    int64_t standing = capos_ring_enter(&ring, 40, CAPOS_FOREVER);
    uint64_t next = 0;
    while (capos_ring_take(&ring, &completion) && completion.user_data == next) {
        next++;
    }
    return standing == 40 && next == 40 ? (int64_t)(uintptr_t)ring.ring : 0;
}

static void test_rings(void) {
    struct capos_thread left = crew_start(use_ring, NULL), right = crew_start(use_ring, NULL);
    int64_t own = use_ring(NULL), left_ring = (int64_t)(uintptr_t)left.ring,
            right_ring = (int64_t)(uintptr_t)right.ring;
    CHECK(own != 0 && own != left_ring && own != right_ring);
    CHECK_EQUAL(crew_value(&left), left_ring);
    CHECK_EQUAL(crew_value(&right), right_ring);
}

/* Thread-local variables. */

static _Thread_local int error_number;
static _Thread_local uint64_t initialised = 42;
static _Thread_local uint8_t zeros[3000];
static _Thread_local _Alignas(256) uint64_t aligned = 7;

static bool is_fresh(void) {
    bool is_right = initialised == 42 && aligned == 7 && error_number == 0;
    is_right &= (uintptr_t)&aligned % 256 == 0;
    for (size_t index = 0; index < sizeof zeros; index++) {
        is_right &= zeros[index] == 0;
    }
    return is_right;
}

static uint64_t thread_pointer_word(unsigned offset) {
    uint64_t word;
    __asm__ volatile("movq %%fs:(%1), %0" : "=r"(word) : "r"((uint64_t)offset));
    return word;
}

static int64_t use_variables(void *argument) {
    uint64_t pointer = thread_pointer_word(0);
    bool is_right = is_fresh() && *(uint64_t *)pointer == pointer;
    is_right &= thread_pointer_word(0x28) == *(uint64_t *)argument;
    memset(zeros, 0xff, sizeof zeros);
    initialised = aligned = pointer;
    for (int turn = 1; turn < 200; turn++) {
        error_number = turn;
        capos_thread_yield();
        is_right &= error_number == turn && initialised == pointer && aligned == pointer;
    }
    return is_right;
}

static void test_variables(void) {
    struct capos_thread threads[THREADS];
    bool is_right = true;
    uint64_t guard = thread_pointer_word(0x28);
    error_number = -1;
    for (unsigned index = 0; index < THREADS; index++) {
        threads[index] = crew_start(use_variables, &guard);
    }
    for (unsigned index = 0; index < THREADS; index++) {
        is_right &= crew_value(&threads[index]) == 1;
    }
    CHECK(is_right);
    CHECK(error_number == -1 && initialised == 42);
}

/* Vector registers and MXCSR: each thread finds its own after others ran. */
static int64_t use_registers(void *argument) {
    uint64_t seed = *(const uint64_t *)argument, low, high;
    uint32_t control = 0x1f80u | (uint32_t)(seed % 4) << 13, found;
    bool is_right = true;
    __asm__ volatile("ldmxcsr %0" : : "m"(control));
    for (unsigned turn = 0; turn < 500; turn++) {
        /* yield by a poll in vain, within the same stretch of assembly */
        __asm__ volatile("movq %2, %%xmm0\n\tmovq %2, %%xmm15\n\tpunpcklqdq %%xmm15, %%xmm15\n\t"
                         "xorl %%eax, %%eax\n\txorl %%edi, %%edi\n\txorl %%esi, %%esi\n\t"
                         "movl $64, %%edx\n\txorl %%r10d, %%r10d\n\tsyscall\n\t"
                         "movq %%xmm0, %0\n\tmovhlps %%xmm15, %%xmm15\n\tmovq %%xmm15, %1"
                         : "=&b"(low), "=&r"(high)
                         : "r"(seed)
                         : "rax", "rcx", "rdx", "rsi", "rdi", "r10", "r11", "xmm0", "xmm15",
                           "memory");
        is_right &= low == seed && high == seed;
        seed += 4 * turn;
    }
    __asm__ volatile("stmxcsr %0" : "=m"(found));
    return is_right && found == control;
}

static void test_registers(void) {
    struct capos_thread threads[THREADS];
    uint64_t seeds[THREADS];
    bool is_right = true;
    for (unsigned index = 0; index < THREADS; index++) {
        seeds[index] = UINT64_C(0x123456789abcdef0) * (index + 1) + index;
        threads[index] = crew_start(use_registers, &seeds[index]);
    }
    for (unsigned index = 0; index < THREADS; index++) {
        is_right &= crew_value(&threads[index]) == 1;
    }
    CHECK(is_right);
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
    memset(stack, 0xee, sizeof stack); /* what was there before does not matter */
    for (unsigned round = 0; round < 2; round++) {
        CHECK_RESULT(capos_thread_create(&thread, &options, where, NULL), CAPOS_OK);
        uint64_t frame = (uint64_t)crew_value(&thread);
        CHECK(frame > (uintptr_t)stack && frame < (uintptr_t)stack + sizeof stack);
    }
    uint64_t guard = thread_pointer_word(0x28);
    CHECK_RESULT(capos_thread_create(&thread, &options, use_variables, &guard), CAPOS_OK);
    CHECK_EQUAL(crew_value(&thread), 1);
}

static int64_t name_oneself(void *argument) {
    capos_cap_t self = CAPOS_CAP_NONE;
    int64_t result = capos_thread_name(NULL, "worker");
    result = result == CAPOS_OK ? capos_thread_self(&self) : result;
    result = result == CAPOS_OK ? (int64_t)crew_state(self) : result;
    (void)capos_release(self);
    return result;
}

static void test_self(void) {
    struct capos_thread thread = crew_start(name_oneself, NULL);
    CHECK_EQUAL(crew_value(&thread), CAPOS_THREAD_STATE_RUNNING);
    CHECK_RESULT(capos_thread_name(NULL, "main"), CAPOS_OK);
    CHECK_RESULT(capos_thread_name(NULL, "this is longer than any name may be"), CAPOS_E_TOO_LARGE);
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
    for (unsigned turn = 0; turn < 200; turn++) {
        is_right &= run_detached(&count, turn);
        crew_await(&count, turn + 1);
    }
    for (unsigned turn = 0; turn < 200; turn++) {
        struct capos_thread thread = crew_start(touch_and_count, &count);
        is_right &= crew_value(&thread) == 1;
    }
    await_frames(before.frames);
    struct capos_process_info_get_results after = usage();
    CHECK(is_right);
    CHECK_EQUAL(count, 400);
    CHECK_EQUAL(after.threads, 1);
    CHECK_EQUAL(after.slots, before.slots);
    CHECK_EQUAL(after.frames, before.frames);
}

/* Lines of several threads; those that the head of this file names must come out whole. */

static int64_t print_lines(void *argument) {
    for (unsigned line = 0; line < 10; line++) {
        capos_printf("# thread %u says line %u in one piece\n", *(unsigned *)argument, line);
    }
    return 0;
}

static void test_print(void) {
    struct capos_thread threads[THREADS];
    unsigned numbers[THREADS];
    for (unsigned index = 0; index < THREADS; index++) {
        numbers[index] = index;
        threads[index] = crew_start(print_lines, &numbers[index]);
    }
    for (unsigned index = 0; index < THREADS; index++) {
        (void)crew_value(&threads[index]);
    }
}

/* In children: a stack that overflows, threads without a grant of memory, and the last thread. */

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

static int64_t outlive(void *argument) {
    const struct capos_thread *first = argument;
    while (crew_state(first->capability) != CAPOS_THREAD_STATE_ENDED) {
        capos_thread_yield();
    }
    return 99; /* nobody hears of it */
}

static int play_last(void) {
    static struct capos_thread first;
    if (capos_thread_self(&first.capability) != CAPOS_OK) {
        return 1;
    }
    (void)crew_start(outlive, &first);
    capos_thread_exit(98);
}

static int play(const char *part) {
    if (strcmp(part, "overflow") == 0) {
        static uint8_t zero;
        struct capos_thread thread = crew_start(overflow, &zero);
        return (int)crew_value(&thread);
    }
    return strcmp(part, "last") == 0 ? play_last() : play_without_memory();
}

static struct capos_process_wait_results run_child(const char *part, uint32_t grant_count) {
    const struct capos_spawn_grant grants[] = {
        {"threads", crew_capability("threads"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"thread-control", crew_capability("thread-control"), CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"memory", crew_capability("memory"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
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
    end = run_child("without memory", 2);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0);
    end = run_child("last", 3);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return play(argv[1]);
    }
    test_values();
    test_exit();
    test_rings();
    test_variables();
    test_registers();
    test_options();
    test_self();
    test_nothing_left();
    test_print();
    test_children();
    return tap_finish();
}
