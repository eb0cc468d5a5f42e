// grants: console,memory,spawner,system-info,timer,threads,thread-control,park
// cpus: 1

/* Words to wait on: in the register form and in the ring, and memory that is taken away. */
#include "tests/faults/faults.h"

#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)
#define PAGE CAPOS_PAGE_SIZE
#define PARKED 24u

static capos_cap_t memory, park;
static struct capos_ring_client ring;

static uint32_t *map_word(void) {
    uint64_t address;
    FAULTS_MUST(capos_virtual_memory_map(memory, 0, PAGE, READ_WRITE, &address));
    return (uint32_t *)(uintptr_t)address;
}

/* PARKs in the ring, one for each word of the page from the first on; what could not wait is
 * taken out at once. Returns how many wait. */
static unsigned park_in_ring(const uint32_t *words, unsigned count) {
    struct capos_completion completion;
    for (unsigned index = 0; index < count; index++) {
        struct capos_entry *entry = capos_ring_prepare(&ring);
        entry->opcode = CAPOS_OP_PARK;
        entry->capability = park;
        entry->argument[0] = (uint64_t)(uintptr_t)&words[index];
        entry->user_data = index;
    }
    FAULTS_CHECK(capos_ring_enter(&ring, 0, CAPOS_POLL) >= 0);
    unsigned waiting = count;
    while (capos_ring_take(&ring, &completion)) {
        FAULTS_CHECK(faults_is_want(completion.result));
        waiting--;
    }
    return waiting;
}

/* So many completions stand, all with this result, and no more. */
static void expect_ends(unsigned count, int64_t result) {
    struct capos_completion completion;
    FAULTS_CHECK(capos_ring_enter(&ring, 0, CAPOS_POLL) == count);
    while (capos_ring_take(&ring, &completion)) {
        FAULTS_CHECK(completion.result == result);
    }
}

/* Scenarios. */

static void until_deadline(void) {
    static uint32_t word;
    struct capos_completion completion = {.result = CAPOS_OK};
    uint64_t now;
    faults_begin();
    FAULTS_MUST(capos_timer_now(capos_lookup("timer", 0), &now));
    struct capos_entry *entry = capos_ring_prepare(&ring);
    entry->opcode = CAPOS_OP_PARK;
    entry->capability = park;
    entry->argument[0] = (uint64_t)(uintptr_t)&word;
    entry->deadline_ns = now + 1000000;
    FAULTS_CHECK(capos_ring_enter(&ring, 1, CAPOS_FOREVER) == 1);
    FAULTS_CHECK(capos_ring_take(&ring, &completion));
    FAULTS_CHECK(completion.result == CAPOS_E_TIMED_OUT || faults_is_want(completion.result));
}

/* The kernel is the first to look at the word. */
static void untouched_word(void) {
    const uint32_t *word = map_word();
    faults_begin();
    int64_t result = capos_park(word, 1, CAPOS_FOREVER);
    FAULTS_CHECK(result == CAPOS_E_VALUE_CHANGED || faults_is_want(result));
    FAULTS_CHECK(capos_unpark(word, 1) == 0);
    FAULTS_MUST(capos_virtual_memory_unmap(memory, (uint64_t)(uintptr_t)word, PAGE));
}

static void wake_and_cancel(void) {
    uint32_t *words = map_word();
    faults_begin();
    unsigned waiting = park_in_ring(words, PARKED), woken = 0, cancelled = 0;
    for (unsigned index = 0; index < PARKED; index += 2) {
        int64_t result = capos_unpark(&words[index], 1);
        FAULTS_CHECK(result == 0 || result == 1);
        woken += (unsigned)result;
    }
    expect_ends(woken, CAPOS_OK);
    for (unsigned index = 0; index < PARKED; index++) {
        cancelled += capos_cancel(index) == CAPOS_OK;
    }
    expect_ends(cancelled, CAPOS_E_CANCELLED);
    FAULTS_CHECK(woken + cancelled == waiting);
}

static void requeue(void) {
    enum { WAITERS = 3 };
    uint32_t *words = map_word();
    struct capos_park_space_requeue_results moved = {0};
    unsigned waiting = 0;
    faults_begin();
    for (unsigned index = 0; index < WAITERS; index++) {
        waiting += park_in_ring(words, 1);
    }
    int64_t result = capos_park_space_requeue(park, (uint64_t)(uintptr_t)&words[0],
                                              (uint64_t)(uintptr_t)&words[1], 0, 1, 1, &moved);
    if (FAULTS_MAY(result)) {
        FAULTS_CHECK(moved.woken + moved.moved == (waiting < 2 ? waiting : 2));
    }
    FAULTS_CHECK(capos_unpark(&words[1], WAITERS) == (int64_t)moved.moved);
    FAULTS_CHECK(capos_unpark(&words[0], WAITERS) ==
                 (int64_t)(waiting - moved.woken - moved.moved));
    expect_ends(waiting, CAPOS_OK);
}

static void unmap_below_waiters(void) {
    uint32_t *words = map_word();
    faults_begin();
    unsigned waiting = park_in_ring(words, PARKED);
    FAULTS_MUST(capos_virtual_memory_unmap(memory, (uint64_t)(uintptr_t)words, PAGE));
    expect_ends(waiting, CAPOS_E_MEMORY_GONE);
}

static void decommit_below_waiters(void) {
    uint32_t *words = map_word();
    faults_begin();
    unsigned waiting = park_in_ring(words, PARKED);
    FAULTS_MUST(capos_virtual_memory_decommit(memory, (uint64_t)(uintptr_t)words, PAGE));
    expect_ends(waiting, CAPOS_E_MEMORY_GONE);
}

static void end_while_parked(void) {
    const uint32_t *words = map_word();
    faults_begin();
    (void)park_in_ring(words, PARKED);
}

static const struct faults_scenario scenarios[] = {
    {"park until a deadline", until_deadline},
    {"park at a word that nobody has touched", untouched_word},
    {"wake some and cancel the others", wake_and_cancel},
    {"requeue", requeue},
    {"unmap the words of waiters", unmap_below_waiters},
    {"decommit the words of waiters", decommit_below_waiters},
    {"end while parked", end_while_parked},
};

int main(int argc, char **argv) {
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    park = capos_lookup("park", CAPOS_PARK_SPACE_INTERFACE);
    capos_ring_open(&ring);
    return faults_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
