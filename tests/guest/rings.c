// grants: console,timer,spawner
// cpus: any

/* The ring: batches, chains, cancel, deadlines, full queues, and words that make no sense. */
#include "tests/guest/child.h"
#include "tests/guest/tap.h"

#define MILLISECOND_NS UINT64_C(1000000)
#define HOUR_NS (UINT64_C(3600000) * MILLISECOND_NS)

static struct capos_ring_client ring;
static capos_cap_t timer;

static uint64_t now(void) {
    uint64_t monotonic_ns = 0;
    capos_timer_now(timer, &monotonic_ns);
    return monotonic_ns;
}

static struct capos_entry *prepare(uint8_t opcode, uint64_t user_data) {
    struct capos_entry *entry = capos_ring_prepare(&ring);
    if (entry == NULL) {
        capos_abort("the submission queue is full where the test has room");
    }
    entry->opcode = opcode;
    entry->user_data = user_data;
    return entry;
}

static struct capos_entry *prepare_sleep(uint64_t deadline_ns, uint64_t user_data) {
    struct capos_entry *entry = prepare(CAPOS_OP_CALL, user_data);
    entry->flags = CAPOS_ENTRY_INLINE;
    entry->capability = timer;
    entry->method = CAPOS_TIMER_METHOD_SLEEP;
    entry->argument[0] = deadline_ns;
    return entry;
}

/* Enters, waits for `count` completions, and stores the result of each by its user_data. */
static bool collect(uint32_t count, int64_t *results, uint32_t result_count) {
    struct capos_completion completion;
    for (uint32_t index = 0; index < result_count; index++) {
        results[index] = 1; /* what no operation returns */
    }
    bool is_right = capos_ring_enter(&ring, count, CAPOS_FOREVER) >= (int64_t)count;
    while (capos_ring_take(&ring, &completion)) {
        is_right &= completion.user_data < result_count;
        if (is_right) {
            results[completion.user_data] = completion.result;
        }
    }
    return is_right;
}

static void test_batch(void) {
    struct capos_completion completion;
    for (uint32_t index = 0; index < CAPOS_RING_ENTRIES; index++) {
        prepare(CAPOS_OP_NOP, 100 + index);
    }
    CHECK(capos_ring_prepare(&ring) == NULL);
    CHECK_EQUAL(capos_ring_enter(&ring, CAPOS_RING_ENTRIES, CAPOS_FOREVER), CAPOS_RING_ENTRIES);
    bool is_ordered = true;
    uint64_t expected = 100;
    while (capos_ring_take(&ring, &completion)) {
        is_ordered &= completion.user_data == expected++ && completion.result == 0;
    }
    CHECK(is_ordered && expected == 100 + CAPOS_RING_ENTRIES);
}

/* With its completion queue full, a ring takes nothing in; what waits goes on later. */
static void test_full(void) {
    struct capos_completion completion;
    for (uint32_t index = 0; index < CAPOS_RING_COMPLETIONS; index++) {
        prepare(CAPOS_OP_NOP, index);
    }
    capos_ring_enter(&ring, 0, CAPOS_POLL);
    for (uint32_t index = 0; index < 5; index++) {
        prepare(CAPOS_OP_NOP, index);
    }
    CHECK_EQUAL(capos_ring_enter(&ring, 0, CAPOS_POLL), CAPOS_RING_COMPLETIONS);
    CHECK_EQUAL(ring.submission_tail - ring.ring->submission_head, 5);
    uint32_t taken = 0;
    while (capos_ring_take(&ring, &completion)) {
        taken++;
    }
    CHECK_EQUAL(taken, CAPOS_RING_COMPLETIONS);
    CHECK_EQUAL(capos_ring_enter(&ring, 5, CAPOS_FOREVER), 5);
    while (capos_ring_take(&ring, &completion)) {
    }
}

static void test_chain(void) {
    int64_t results[6];
    prepare(CAPOS_OP_NOP, 0)->flags = CAPOS_ENTRY_LINK;
    prepare(CAPOS_OP_RELEASE, 1)->flags = CAPOS_ENTRY_LINK; /* of no capability: fails */
    prepare(CAPOS_OP_NOP, 2)->flags = CAPOS_ENTRY_LINK;
    prepare(CAPOS_OP_NOP, 3);
    prepare(CAPOS_OP_NOP, 4);
    CHECK(collect(5, results, 6));
    CHECK_RESULT(results[0], CAPOS_OK);
    CHECK_RESULT(results[1], CAPOS_E_BAD_CAPABILITY);
    CHECK_RESULT(results[2], CAPOS_E_CANCELLED);
    CHECK_RESULT(results[3], CAPOS_E_CANCELLED);
    CHECK_RESULT(results[4], CAPOS_OK);

    /* an entry that takes its time holds up those that are linked to it, in order */
    uint64_t deadline_ns = now() + 5 * MILLISECOND_NS;
    prepare_sleep(deadline_ns, 0)->flags |= CAPOS_ENTRY_LINK;
    prepare_sleep(deadline_ns + MILLISECOND_NS, 1)->flags |= CAPOS_ENTRY_LINK;
    prepare(CAPOS_OP_NOP, 2);
    CHECK(collect(3, results, 3));
    CHECK(results[0] == 0 && results[1] == 0 && results[2] == 0);
    CHECK(now() >= deadline_ns + MILLISECOND_NS);
}

static void test_cancel(void) {
    int64_t results[4];
    uint64_t start_ns = now();
    prepare_sleep(start_ns + HOUR_NS, 0);
    prepare(CAPOS_OP_CANCEL, 1)->argument[0] = 0;
    prepare(CAPOS_OP_CANCEL, 2)->argument[0] = 0; /* it is gone by now */
    CHECK(collect(3, results, 3));
    CHECK_RESULT(results[0], CAPOS_E_CANCELLED);
    CHECK_RESULT(results[1], CAPOS_OK);
    CHECK_RESULT(results[2], CAPOS_E_NOT_FOUND);

    prepare_sleep(start_ns + HOUR_NS, 3);
    capos_ring_enter(&ring, 0, CAPOS_POLL);
    CHECK_EQUAL(ring.ring->in_flight, 1);
    CHECK_RESULT(capos_cancel(3), CAPOS_OK);
    CHECK_RESULT(capos_cancel(3), CAPOS_E_NOT_FOUND);
    CHECK(collect(1, results, 4));
    CHECK_RESULT(results[3], CAPOS_E_CANCELLED);
    CHECK_EQUAL(ring.ring->in_flight, 0);
}

static void test_in_flight_limit(void) {
    int64_t results[CAPOS_RING_IN_FLIGHT_MAX + 1];
    for (uint32_t index = 0; index <= CAPOS_RING_IN_FLIGHT_MAX; index++) {
        prepare_sleep(now() + HOUR_NS, index);
    }
    CHECK(collect(1, results, CAPOS_RING_IN_FLIGHT_MAX + 1));
    CHECK_RESULT(results[CAPOS_RING_IN_FLIGHT_MAX], CAPOS_E_BUSY);
    bool is_cancelled = true;
    for (uint32_t index = 0; index < CAPOS_RING_IN_FLIGHT_MAX; index++) {
        is_cancelled &= capos_cancel(index) == 0;
    }
    CHECK(is_cancelled);
    CHECK(collect(CAPOS_RING_IN_FLIGHT_MAX, results, CAPOS_RING_IN_FLIGHT_MAX));
    CHECK_RESULT(results[0], CAPOS_E_CANCELLED);
    CHECK_RESULT(results[CAPOS_RING_IN_FLIGHT_MAX - 1], CAPOS_E_CANCELLED);
}

static void test_deadlines(void) {
    int64_t results[2];
    prepare_sleep(now() + HOUR_NS, 0)->deadline_ns = now() + 2 * MILLISECOND_NS;
    prepare_sleep(now() + HOUR_NS, 1)->deadline_ns = CAPOS_POLL;
    CHECK(collect(2, results, 2));
    CHECK_RESULT(results[0], CAPOS_E_TIMED_OUT);
    CHECK_RESULT(results[1], CAPOS_E_TIMED_OUT);
    CHECK_EQUAL(capos_ring_enter(&ring, 1, CAPOS_POLL), 0);

    /* the deadline of the wait leaves the operation armed */
    prepare_sleep(now() + HOUR_NS, 0);
    CHECK_EQUAL(capos_ring_enter(&ring, 1, now() + 2 * MILLISECOND_NS), 0);
    CHECK_EQUAL(ring.ring->in_flight, 1);
    CHECK_RESULT(capos_cancel(0), CAPOS_OK);
    CHECK(collect(1, results, 1));
}

static void test_refused_entries(void) {
    int64_t results[12];
    static const uint8_t reserved[] = {CAPOS_OP_RECV, CAPOS_OP_RETURN, CAPOS_OP_REPLY_RECV,
                                       CAPOS_OP_COUNT, 255};
    for (uint32_t index = 0; index < sizeof reserved; index++) {
        prepare(reserved[index], index);
    }
    prepare(CAPOS_OP_NOP, 5)->flags = 0x80;
    prepare(CAPOS_OP_NOP, 6)->reserved = 1;
    CHECK(collect(7, results, 7));
    for (uint32_t index = 0; index < sizeof reserved; index++) {
        CHECK_RESULT(results[index], CAPOS_E_BAD_OPCODE);
    }
    CHECK_RESULT(results[5], CAPOS_E_BAD_FLAGS);
    CHECK_RESULT(results[6], CAPOS_E_BAD_FLAGS);
    CHECK_RESULT(capos_enter(0, CAPOS_RING_COMPLETIONS + 1, CAPOS_POLL), CAPOS_E_INVALID_ARGUMENT);
}

/* Words that make no sense end the process, and it alone. */

static int play_corrupt(const char *how) {
    volatile struct capos_ring *words = ring.ring;
    if (strcmp(how, "tail ahead") == 0) {
        words->submission_tail += CAPOS_RING_ENTRIES + 1;
    } else if (strcmp(how, "tail behind") == 0) {
        words->submission_tail -= 1;
    } else if (strcmp(how, "head ahead") == 0) {
        words->submission_tail += 1;
        words->completion_head += 1;
    } else if (strcmp(how, "head behind") == 0) {
        words->submission_tail += 1;
        words->completion_head -= 1;
    } else {
        /* what the kernel writes there is for the program to read: scribbling does not matter */
        words->submission_head = 77;
        words->completion_tail = 77;
        words->in_flight = 77;
        words->submission_tail += 1;
        return capos_enter(1, 1, CAPOS_FOREVER) == 1 ? 0 : 1;
    }
    capos_enter(1, 1, CAPOS_POLL);
    return 2; /* not reached */
}

static void test_corrupt(void) {
    static const char *const ways[] = {"tail ahead", "tail behind", "head ahead", "head behind"};
    struct capos_process_wait_results end;
    for (uint32_t index = 0; index < sizeof ways / sizeof *ways; index++) {
        end = (struct capos_process_wait_results){.reason = 99};
        CHECK_RESULT(child_run(&(struct child){.words = {ways[index]}}, &end), CAPOS_OK);
        CHECK_EQUAL(end.reason, CAPOS_PROCESS_EXIT_REASON_FAULTED);
    }
    CHECK_RESULT(child_run(&(struct child){.words = {"kernel's words"}}, &end), CAPOS_OK);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0);
}

int main(int argc, char **argv) {
    capos_ring_open(&ring);
    if (argc > 1) {
        return play_corrupt(argv[1]);
    }
    timer = capos_lookup("timer", CAPOS_TIMER_INTERFACE);
    test_batch();
    test_full();
    test_chain();
    test_cancel();
    test_in_flight_limit();
    test_deadlines();
    test_refused_entries();
    test_corrupt();
    return tap_finish();
}
