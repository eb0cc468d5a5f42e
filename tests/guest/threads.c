// grants: console,threads,thread-control,memory,park,spawner
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

/* Oneself. */

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

/* The last thread's end is the process's, with code 0. */

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

static void test_last(void) {
    const struct capos_spawn_grant grants[] = {
        {"threads", crew_capability("threads"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"thread-control", crew_capability("thread-control"), CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"memory", crew_capability("memory"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
    };
    struct child child = {.words = {"last"}, .grants = grants, .grant_count = 3};
    struct capos_process_wait_results end = {.reason = 99};
    CHECK_RESULT(child_run(&child, &end), CAPOS_OK);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return play_last();
    }
    test_values();
    test_exit();
    test_rings();
    test_variables();
    test_registers();
    test_self();
    test_print();
    test_last();
    return tap_finish();
}
