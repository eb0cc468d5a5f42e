// grants: console,memory,spawner,system-info,timer,threads,thread-control,park
// cpus: 1

/* Threads of one process: made, waited for, detached, ended wherever they are. */
#include "tests/faults/faults.h"

#define THREADS 4u
#define STACK_BYTES 8192u
#define LOOKS_MAX 10000u

static _Alignas(16) uint8_t stacks[THREADS][STACK_BYTES];
static uint32_t gate; /* opens with 1 */
static uint32_t passed;

static const struct capos_thread_options *own_stack(unsigned number) {
    static struct capos_thread_options options[THREADS];
    options[number] =
        (struct capos_thread_options){.stack = stacks[number], .stack_bytes = STACK_BYTES};
    return &options[number];
}

static int64_t pass(void *argument) {
    __atomic_fetch_add(&passed, 1, __ATOMIC_SEQ_CST);
    return (int64_t)(uintptr_t)argument;
}

/* Parks at the gate; where that is refused, others get their turn instead. */
static int64_t pass_gate(void *argument) {
    while (__atomic_load_n(&gate, __ATOMIC_SEQ_CST) == 0) {
        int64_t result = capos_park(&gate, 0, CAPOS_FOREVER);
        FAULTS_CHECK(result == CAPOS_OK || result == CAPOS_E_VALUE_CHANGED ||
                     faults_is_want(result));
        capos_thread_yield();
    }
    return pass(argument);
}

static void open_gate(void) {
    __atomic_store_n(&gate, 1, __ATOMIC_SEQ_CST);
    FAULTS_CHECK(capos_unpark(&gate, THREADS) >= 0);
}

/* False when something was wanting for the wait. */
static bool is_waited_for(struct capos_thread *thread, int64_t value) {
    int64_t found = -1;
    if (!FAULTS_MAY(capos_thread_wait(thread, &found))) {
        return false;
    }
    FAULTS_CHECK(found == value);
    return true;
}

/* Looks at something until it is so, and gives others their turn in between. */
static void await_count(const uint32_t *word, uint32_t count) {
    for (unsigned look = 0; __atomic_load_n(word, __ATOMIC_SEQ_CST) != count; look++) {
        FAULTS_CHECK(look < LOOKS_MAX);
        capos_thread_yield();
    }
}

static void await_free(uint64_t address) {
    struct capos_virtual_memory_query_results run = {.kind = CAPOS_VIRTUAL_MEMORY_KIND_STACK};
    for (unsigned look = 0; run.kind != CAPOS_VIRTUAL_MEMORY_KIND_FREE; look++) {
        FAULTS_CHECK(look < LOOKS_MAX);
        capos_thread_yield();
        FAULTS_MUST(capos_virtual_memory_query(capos_lookup("memory", 0), address, &run));
    }
}

/* Scenarios. */

static void create_and_wait(void) {
    struct capos_thread thread;
    faults_begin();
    for (uint64_t turn = 0; turn < 2; turn++) {
        if (!FAULTS_MAY(capos_thread_create(&thread, own_stack(0), pass, (void *)turn)) ||
            !is_waited_for(&thread, (int64_t)turn)) {
            return; /* the thread may still have its stack */
        }
        FAULTS_CHECK(passed == turn + 1);
    }
}

static void threads_at_a_gate(void) {
    struct capos_thread threads[THREADS];
    unsigned count = 0;
    faults_begin();
    for (unsigned index = 0; index < THREADS; index++) {
        struct capos_thread *thread = &threads[count];
        count += FAULTS_MAY(capos_thread_create(thread, own_stack(index), pass_gate, NULL));
    }
    capos_thread_yield();
    open_gate();
    await_count(&passed, count);
    for (unsigned index = 0; index < count; index++) {
        (void)is_waited_for(&threads[index], 0);
    }
}

/* A stack that is mapped goes with the thread, also when nobody waits for it; but one of default
 * size is kept for the next thread. */
static uint64_t stack_page;

static int64_t note_stack(void *argument) {
    uint8_t local = 0;
    stack_page = (uint64_t)(uintptr_t)&local / CAPOS_PAGE_SIZE * CAPOS_PAGE_SIZE;
    return pass(argument);
}

static const struct capos_thread_options small = {.stack_bytes =
                                                      CAPOS_THREAD_STACK_BYTES_DEFAULT / 2};

static void mapped_stack(void) {
    struct capos_thread thread;
    faults_begin();
    if (FAULTS_MAY(capos_thread_create(&thread, &small, note_stack, NULL)) &&
        is_waited_for(&thread, 0)) {
        await_free(stack_page);
    }
}

/* What is refused to a thread with a stack of its own takes the one that is kept. */
static void kept_stack(void) {
    struct capos_thread thread;
    FAULTS_MUST(capos_thread_create(&thread, NULL, note_stack, NULL));
    FAULTS_CHECK(is_waited_for(&thread, 0));
    uint64_t kept = stack_page;
    faults_begin();
    int64_t result = capos_thread_create(&thread, &small, note_stack, NULL);
    if (FAULTS_MAY(result)) {
        (void)is_waited_for(&thread, 0);
    } else if (result != CAPOS_E_NO_SLOT) {
        await_free(kept);
    }
    if (FAULTS_MAY(capos_thread_create(&thread, NULL, note_stack, NULL))) {
        (void)is_waited_for(&thread, 0);
    }
}

static void detached(void) {
    const struct capos_thread_options options = {.is_detached = true};
    faults_begin();
    if (FAULTS_MAY(capos_thread_create(NULL, &options, note_stack, NULL))) {
        await_count(&passed, 1);
        await_free(stack_page);
    }
}

static void name_and_self(void) {
    capos_cap_t self;
    faults_begin();
    if (FAULTS_MAY(capos_thread_self(&self))) {
        FAULTS_MUST(capos_release(self));
    }
    (void)FAULTS_MAY(capos_thread_name(NULL, "a thread with a name"));
}

/* Operations of a second thread's ring, which its end cancels. */
static int64_t leave_in_flight(void *argument) {
    struct capos_ring_client ring;
    capos_ring_open(&ring);
    for (uint64_t index = 0; index < CAPOS_RING_IN_FLIGHT_MAX; index++) {
        struct capos_entry *entry = capos_ring_prepare_call(
            &ring, capos_lookup("timer", CAPOS_TIMER_INTERFACE), CAPOS_TIMER_METHOD_SLEEP);
        entry->argument[0] = UINT64_MAX - index;
    }
    FAULTS_CHECK(capos_ring_enter(&ring, 0, CAPOS_POLL) >= 0);
    return pass(argument);
}

static void second_ring(void) {
    struct capos_thread thread;
    faults_begin();
    if (FAULTS_MAY(capos_thread_create(&thread, own_stack(0), leave_in_flight, NULL))) {
        (void)is_waited_for(&thread, 0);
    }
}

/* The process ends while its threads wait, and one waits for another. */
static int64_t wait_for_first(void *argument) {
    (void)is_waited_for(argument, 0);
    return 0;
}

static void end_with_threads(void) {
    static struct capos_thread threads[THREADS];
    faults_begin();
    if (FAULTS_MAY(capos_thread_create(&threads[0], own_stack(0), pass_gate, NULL))) {
        (void)FAULTS_MAY(
            capos_thread_create(&threads[1], own_stack(1), wait_for_first, &threads[0]));
    }
    (void)FAULTS_MAY(capos_thread_create(&threads[2], own_stack(2), pass_gate, NULL));
    capos_thread_yield();
    capos_thread_yield();
}

/* The first thread leaves; the others end the process. */
static void first_leaves(void) {
    struct capos_thread thread;
    faults_begin();
    (void)FAULTS_MAY(capos_thread_create(&thread, own_stack(0), pass, NULL));
    capos_thread_exit(0);
}

static uint32_t sum; /* guarded by the mutex */
static struct capos_mutex mutex;

static int64_t add_with_mutex(void *argument) {
    for (unsigned turn = 0; turn < 3; turn++) {
        capos_mutex_lock(&mutex);
        uint32_t before = sum;
        capos_thread_yield();
        sum = before + 1;
        capos_mutex_unlock(&mutex);
    }
    return pass(argument);
}

static void threads_at_a_mutex(void) {
    struct capos_thread threads[THREADS];
    uint32_t count = 0;
    faults_begin();
    for (unsigned index = 0; index < THREADS; index++) {
        count += FAULTS_MAY(
            capos_thread_create(&threads[count], own_stack(index), add_with_mutex, NULL));
    }
    await_count(&passed, count);
    FAULTS_CHECK(sum == 3 * count);
}

static const struct faults_scenario scenarios[] = {
    {"create a thread and wait for it", create_and_wait},
    {"threads park at a gate", threads_at_a_gate},
    {"a thread with a stack that is mapped", mapped_stack},
    {"a thread with a stack that is kept", kept_stack},
    {"a detached thread", detached},
    {"a thread's name and capability", name_and_self},
    {"a second ring ends with operations in flight", second_ring},
    {"a process ends while its threads wait", end_with_threads},
    {"the first thread ends before the others", first_leaves},
    {"threads at a mutex", threads_at_a_mutex},
};

int main(int argc, char **argv) {
    return faults_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
