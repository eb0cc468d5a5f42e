// grants: console,park,threads,thread-control,memory,timer,spawner
// cpus: any

/*
 * ParkSpace: each result of PARK, what UNPARK counts and whom it wakes first, the ring form, and
 * requeue. What happens when the memory goes is in parked_memory.c.
 */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define MILLISECOND_NS UINT64_C(1000000)
#define TEAM 8u

static uint64_t now(void) {
    uint64_t monotonic_ns = 0;
    (void)capos_timer_now(crew_capability("timer"), &monotonic_ns);
    return monotonic_ns;
}

/* Results. */

static void test_refusals(void) {
    static uint32_t words[2];
    capos_cap_t park = crew_capability("park");
    uint8_t *page = crew_map(2 * CAPOS_PAGE_SIZE);
    uint32_t *unreadable = (uint32_t *)(void *)page, *gone = unreadable + 1024;
    uint64_t control = capos_control(CAPOS_OP_PARK);
    CHECK_RESULT(capos_park(&words[0], 1, CAPOS_FOREVER), CAPOS_E_VALUE_CHANGED);
    CHECK_RESULT(capos_park(&words[0], 0, CAPOS_POLL), CAPOS_E_TIMED_OUT);
    CHECK_RESULT(capos_park(&words[0], 0, 1), CAPOS_E_TIMED_OUT);
    CHECK_RESULT(capos_park((uint32_t *)((uintptr_t)words + 1), 0, CAPOS_POLL),
                 CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_park((uint32_t *)((uintptr_t)words + 2), 0, CAPOS_POLL),
                 CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_park(NULL, 0, CAPOS_POLL), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_park((uint32_t *)UINT64_C(0x7ffffffff000), 0, CAPOS_POLL),
                 CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_park((uint32_t *)UINT64_C(0xffffffff80000000), 0, CAPOS_POLL),
                 CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_park((uint32_t *)(UINT64_C(1) << 63), 0, CAPOS_POLL), CAPOS_E_BAD_ADDRESS);
    (void)capos_virtual_memory_protect(crew_capability("memory"), (uintptr_t)unreadable,
                                       CAPOS_PAGE_SIZE, CAPOS_PROTECTION_NONE);
    (void)capos_virtual_memory_unmap(crew_capability("memory"), (uintptr_t)gone, CAPOS_PAGE_SIZE);
    CHECK_RESULT(capos_park(unreadable, 0, CAPOS_POLL), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_park(gone, 0, CAPOS_POLL), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_park_in(CAPOS_CAP_NONE, words, 0, CAPOS_POLL), CAPOS_E_BAD_CAPABILITY);
    CHECK_RESULT(capos_park_in(park + (UINT64_C(1) << 32), words, 0, CAPOS_POLL),
                 CAPOS_E_BAD_CAPABILITY);
    CHECK_RESULT(capos_park_in(crew_capability("timer"), words, 0, CAPOS_POLL),
                 CAPOS_E_WRONG_INTERFACE);
    CHECK_RESULT(
        capos_invoke(control, park, (uintptr_t)words, UINT64_C(1) << 32, 0, CAPOS_POLL).result,
        CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_invoke(control, park, (uintptr_t)words, 0, 1, CAPOS_POLL).result,
                 CAPOS_E_BAD_FLAGS);
}

static void test_unpark_refusals(void) {
    static uint32_t words[2];
    capos_cap_t park = crew_capability("park");
    uint64_t control = capos_control(CAPOS_OP_UNPARK);
    CHECK_EQUAL(capos_unpark(&words[0], UINT64_MAX), 0);
    CHECK_RESULT(capos_unpark((uint32_t *)((uintptr_t)words + 2), 1), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_unpark(NULL, 1), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_unpark((uint32_t *)UINT64_C(0xffffffff80000000), 1), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_unpark_in(CAPOS_CAP_NONE, words, 1), CAPOS_E_BAD_CAPABILITY);
    CHECK_RESULT(capos_unpark_in(park + (UINT64_C(1) << 32), words, 1), CAPOS_E_BAD_CAPABILITY);
    CHECK_RESULT(capos_unpark_in(crew_capability("timer"), words, 1), CAPOS_E_WRONG_INTERFACE);
    CHECK_RESULT(capos_invoke(control, park, (uintptr_t)words, 1, 1, CAPOS_FOREVER).result,
                 CAPOS_E_BAD_FLAGS);
}

/* Waiting and waking. */

/* Who parks, where, and what came of it. */
struct waiter {
    uint32_t *word;
    uint32_t expected;
    uint64_t deadline_ns;
    uint32_t turn; /* its place among those who returned; counted from one */
    struct capos_thread thread;
};

static uint32_t turns;

static int64_t wait(void *argument) {
    struct waiter *waiter = argument;
    int64_t result = capos_park(waiter->word, waiter->expected, waiter->deadline_ns);
    waiter->turn = __atomic_add_fetch(&turns, 1, __ATOMIC_SEQ_CST);
    return result;
}

/* Starts a team whose members park one after the other. */
static void start_team(struct waiter *team, unsigned count, uint32_t *word, uint64_t deadline_ns) {
    crew_store(&turns, 0);
    for (unsigned index = 0; index < count; index++) {
        team[index] = (struct waiter){.word = word, .deadline_ns = deadline_ns};
        team[index].thread = crew_start(wait, &team[index]);
        crew_await_waiting(&team[index].thread);
    }
}

static bool is_each_value(struct waiter *team, unsigned count, int64_t value) {
    bool is_right = true;
    for (unsigned index = 0; index < count; index++) {
        is_right &= crew_value(&team[index].thread) == value;
    }
    return is_right;
}

static void test_counts_and_order(void) {
    static uint32_t word;
    struct waiter team[TEAM];
    bool is_in_order = true;
    start_team(team, TEAM, &word, CAPOS_FOREVER);
    CHECK_EQUAL(capos_unpark(&word + 1, 5), 0);
    CHECK_EQUAL(capos_unpark(&word, 0), 0);
    for (unsigned index = 0; index < 4; index++) {
        is_in_order &= capos_unpark(&word, 1) == 1;
        is_in_order &=
            crew_value(&team[index].thread) == CAPOS_OK && crew_load(&turns) == index + 1;
    }
    CHECK(is_in_order);
    CHECK_EQUAL(capos_unpark(&word, 3), 3);
    CHECK(is_each_value(&team[4], 3, CAPOS_OK));
    CHECK_EQUAL(capos_unpark(&word, UINT64_MAX), 1);
    CHECK_EQUAL(crew_value(&team[7].thread), CAPOS_OK);
    CHECK_EQUAL(capos_unpark(&word, UINT64_MAX), 0);
}

/* A page that nobody has touched reads zero. */
static void test_demand_zero(void) {
    uint32_t *words = crew_map(2 * CAPOS_PAGE_SIZE);
    struct waiter team[1];
    CHECK_RESULT(capos_park(words, 1, CAPOS_FOREVER), CAPOS_E_VALUE_CHANGED);
    start_team(team, 1, words + 1024, CAPOS_FOREVER);
    CHECK_EQUAL(capos_unpark(words + 1024, 1), 1);
    CHECK_EQUAL(crew_value(&team[0].thread), CAPOS_OK);
    (void)capos_virtual_memory_unmap(crew_capability("memory"), (uintptr_t)words,
                                     2 * CAPOS_PAGE_SIZE);
}

/* The word may stand where the program cannot write it. */
static void test_read_only(void) {
    static const uint32_t constant = 7;
    CHECK_RESULT(capos_park(&constant, 7, CAPOS_POLL), CAPOS_E_TIMED_OUT);
    CHECK_RESULT(capos_park(&constant, 8, CAPOS_POLL), CAPOS_E_VALUE_CHANGED);
}

static void test_deadlines(void) {
    static uint32_t word;
    struct waiter team[TEAM];
    uint64_t deadline_ns = now() + 20 * MILLISECOND_NS;
    CHECK_RESULT(capos_park(&word, 0, now() + MILLISECOND_NS), CAPOS_E_TIMED_OUT);
    crew_store(&turns, 0);
    for (unsigned index = 0; index < TEAM; index++) {
        team[index] = (struct waiter){.word = &word, .deadline_ns = deadline_ns};
        team[index].thread = crew_start(wait, &team[index]);
    }
    CHECK(is_each_value(team, TEAM, CAPOS_E_TIMED_OUT));
    CHECK(now() >= deadline_ns);
    CHECK_EQUAL(capos_unpark(&word, UINT64_MAX), 0);
    /* long before its deadline */
    start_team(team, 1, &word, now() + 3600000 * MILLISECOND_NS);
    CHECK_EQUAL(capos_unpark(&word, 1), 1);
    CHECK_EQUAL(crew_value(&team[0].thread), CAPOS_OK);
}

/* The ring form. */

static struct capos_ring_client ring;

static struct capos_entry *prepare(uint8_t opcode, uint64_t user_data, const uint32_t *word,
                                   uint64_t value) {
    struct capos_entry *entry = capos_ring_prepare(&ring);
    entry->opcode = opcode;
    entry->user_data = user_data;
    entry->capability = crew_capability("park");
    entry->argument[0] = (uintptr_t)word;
    entry->argument[1] = value;
    return entry;
}

static struct capos_completion completions[CAPOS_RING_COMPLETIONS];

/* Waits for so many completions and stores them by their user_data. */
static void collect(uint32_t count) {
    struct capos_completion completion;
    CHECK(capos_ring_enter(&ring, count, CAPOS_FOREVER) >= count);
    while (capos_ring_take(&ring, &completion)) {
        completions[completion.user_data % CAPOS_RING_COMPLETIONS] = completion;
    }
}

static void test_ring(void) {
    static uint32_t words[3];
    capos_ring_open(&ring);
    /* waiters of one ring, woken by entries of the same ring, first come first served */
    for (uint64_t index = 0; index < 6; index++) {
        prepare(CAPOS_OP_PARK, index, &words[0], 0);
    }
    prepare(CAPOS_OP_PARK, 6, &words[1], 1);
    prepare(CAPOS_OP_PARK, 7, &words[1], 0)->deadline_ns = now() + MILLISECOND_NS;
    prepare(CAPOS_OP_UNPARK, 8, &words[0], 2);
    collect(5);
    CHECK_RESULT(completions[0].result, CAPOS_OK);
    CHECK_RESULT(completions[1].result, CAPOS_OK);
    CHECK_RESULT(completions[6].result, CAPOS_E_VALUE_CHANGED);
    CHECK_RESULT(completions[7].result, CAPOS_E_TIMED_OUT);
    CHECK_RESULT(completions[8].result, CAPOS_OK);
    CHECK_EQUAL(completions[8].aux, 2);
    CHECK_EQUAL(ring.ring->in_flight, 4);

    /* cancelled: one that waits, and one that was woken before */
    CHECK_RESULT(capos_cancel(3), CAPOS_OK);
    CHECK_EQUAL(capos_unpark(&words[0], 1), 1);
    CHECK_RESULT(capos_cancel(2), CAPOS_E_NOT_FOUND);
    collect(2);
    CHECK_RESULT(completions[3].result, CAPOS_E_CANCELLED);
    CHECK_RESULT(completions[2].result, CAPOS_OK);
    CHECK_EQUAL(capos_unpark(&words[0], UINT64_MAX), 2);
    collect(2);
    CHECK_EQUAL(ring.ring->in_flight, 0);
}

static int64_t wake_one(void *argument) {
    while (capos_unpark(argument, 1) == 0) {
        capos_thread_yield();
    }
    return 0;
}

/* A chain goes on when its waiter is woken, and ends when there is no wait. */
static void test_chain(void) {
    static uint32_t word;
    prepare(CAPOS_OP_PARK, 0, &word, 0)->flags = CAPOS_ENTRY_LINK;
    prepare(CAPOS_OP_UNPARK, 1, &word, 1);
    struct capos_thread waker = crew_start(wake_one, &word);
    collect(2);
    CHECK_RESULT(completions[0].result, CAPOS_OK);
    CHECK_RESULT(completions[1].result, CAPOS_OK);
    CHECK_EQUAL(completions[1].aux, 0);
    CHECK_EQUAL(crew_value(&waker), 0);
    prepare(CAPOS_OP_PARK, 2, &word, 1)->flags = CAPOS_ENTRY_LINK;
    prepare(CAPOS_OP_UNPARK, 3, &word, 1);
    collect(2);
    CHECK_RESULT(completions[2].result, CAPOS_E_VALUE_CHANGED);
    CHECK_RESULT(completions[3].result, CAPOS_E_CANCELLED);
}

/* Requeue. */

static int64_t requeue(const uint32_t *from, const uint32_t *to, uint64_t expected,
                       uint64_t wake_count, uint64_t move_count,
                       struct capos_park_space_requeue_results *results) {
    *results = (struct capos_park_space_requeue_results){0};
    return capos_park_space_requeue(crew_capability("park"), (uintptr_t)from, (uintptr_t)to,
                                    expected, wake_count, move_count, results);
}

static void test_requeue_refusals(void) {
    static uint32_t words[2];
    struct capos_park_space_requeue_results results;
    const uint32_t *odd = (const uint32_t *)((uintptr_t)words + 2), *none = (const uint32_t *)4096;
    CHECK_RESULT(requeue(&words[0], &words[1], 1, 1, 1, &results), CAPOS_E_VALUE_CHANGED);
    CHECK_RESULT(requeue(&words[0], &words[1], UINT64_C(1) << 32, 1, 1, &results),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(requeue(odd, &words[1], 0, 1, 1, &results), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(requeue(&words[0], odd, 0, 1, 1, &results), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(requeue(none, &words[1], 0, 1, 1, &results), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(requeue(&words[0], none, 0, 1, 1, &results), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(requeue(&words[0], &words[0], 0, 1, 1, &results), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(requeue(&words[0], &words[1], 0, 1, 1, &results), CAPOS_OK);
    CHECK(results.woken == 0 && results.moved == 0);
}

static void test_requeue(void) {
    static uint32_t words[2];
    struct capos_park_space_requeue_results results;
    struct waiter team[TEAM];
    start_team(team, TEAM, &words[0], CAPOS_FOREVER);
    CHECK_RESULT(requeue(&words[0], &words[1], 1, 1, 1, &results), CAPOS_E_VALUE_CHANGED);
    CHECK_RESULT(requeue(&words[0], &words[1], 0, 2, 3, &results), CAPOS_OK);
    CHECK(results.woken == 2 && results.moved == 3);
    CHECK(is_each_value(&team[0], 2, CAPOS_OK));
    /* they wait there, first come first served, and not here */
    CHECK_EQUAL(capos_unpark(&words[1], 1), 1);
    CHECK_EQUAL(crew_value(&team[2].thread), CAPOS_OK);
    CHECK_EQUAL(capos_unpark(&words[0], UINT64_MAX), 3);
    CHECK(is_each_value(&team[5], 3, CAPOS_OK));
    CHECK_EQUAL(capos_unpark(&words[1], UINT64_MAX), 2);
    CHECK(is_each_value(&team[3], 2, CAPOS_OK));
}

/* Three waits on words[0] are moved to words[1], the first of them with a deadline. False when that
 * has passed before. */
static bool move_three(uint32_t *words, uint64_t patience_ns) {
    struct capos_park_space_requeue_results results;
    prepare(CAPOS_OP_PARK, 0, &words[0], 0)->deadline_ns = now() + patience_ns;
    prepare(CAPOS_OP_PARK, 1, &words[0], 0);
    prepare(CAPOS_OP_PARK, 2, &words[0], 0);
    (void)capos_ring_enter(&ring, 0, CAPOS_POLL);
    CHECK_RESULT(requeue(&words[0], &words[1], 0, 0, UINT64_MAX, &results), CAPOS_OK);
    if (results.moved == 3) {
        return true;
    }
    CHECK(results.woken == 0 && results.moved == 2);
    CHECK_EQUAL(capos_unpark(&words[1], UINT64_MAX), 2);
    collect(3);
    CHECK_RESULT(completions[0].result, CAPOS_E_TIMED_OUT);
    return false;
}

/* What is moved keeps its deadline and can be cancelled. */
static void test_moved(void) {
    static uint32_t words[2];
    for (uint64_t patience_ns = 5 * MILLISECOND_NS; !move_three(words, patience_ns);) {
        patience_ns *= 4; /* the machine was slow */
    }
    CHECK_RESULT(capos_cancel(1), CAPOS_OK);
    collect(2);
    CHECK_RESULT(completions[0].result, CAPOS_E_TIMED_OUT);
    CHECK_RESULT(completions[1].result, CAPOS_E_CANCELLED);
    CHECK_EQUAL(capos_unpark(&words[0], UINT64_MAX), 0);
    CHECK_EQUAL(capos_unpark(&words[1], UINT64_MAX), 1);
    collect(1);
    CHECK_RESULT(completions[2].result, CAPOS_OK);
}

/* Other processes, and without time. */

static int play(const char *part) {
    static uint32_t word;
    struct capos_park_space_requeue_results results;
    if (strcmp(part, "without time") == 0) {
        bool is_right = capos_park(&word, 0, 1) == CAPOS_E_NEEDS_TIMER &&
                        capos_park(&word, 0, CAPOS_POLL) == CAPOS_E_TIMED_OUT &&
                        capos_park(&word, 1, CAPOS_FOREVER) == CAPOS_E_VALUE_CHANGED;
        return is_right ? 0 : 1;
    }
    bool is_refused = capos_park(&word, 0, CAPOS_POLL) == CAPOS_E_NOT_PERMITTED &&
                      capos_unpark(&word, 1) == CAPOS_E_NOT_PERMITTED &&
                      requeue(&word, &word + 1, 0, 1, 1, &results) == CAPOS_E_NOT_PERMITTED;
    return is_refused ? 0 : 1;
}

static void test_children(void) {
    struct capos_spawn_grant grants[] = {
        {"park", crew_capability("park"), CAPOS_SPAWN_GRANT_MODE_COPY, NULL}};
    struct child child = {.words = {"foreign"}, .grants = grants, .grant_count = 1};
    struct capos_process_wait_results end = {.reason = 99};
    CHECK_RESULT(child_run(&child, &end), CAPOS_OK);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0);
    grants[0].mode = CAPOS_SPAWN_GRANT_MODE_DERIVE;
    child.words[0] = "without time";
    CHECK_RESULT(child_run(&child, &end), CAPOS_OK);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return play(argv[1]);
    }
    test_refusals();
    test_unpark_refusals();
    test_counts_and_order();
    test_demand_zero();
    test_read_only();
    test_deadlines();
    test_ring();
    test_chain();
    test_requeue_refusals();
    test_requeue();
    test_moved();
    test_children();
    return tap_finish();
}
