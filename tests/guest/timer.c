// grants: console,timer
// cpus: any

/* Timer: a clock that never goes back, sleeps that never end early, and the clock page. */
#include "tests/guest/tap.h"

#define MILLISECOND_NS UINT64_C(1000000)

static capos_cap_t timer;

static uint64_t now(void) {
    uint64_t monotonic_ns = 0;
    int64_t result = capos_timer_now(timer, &monotonic_ns);
    return result == 0 ? monotonic_ns : 0;
}

static void test_now(void) {
    uint64_t last = now();
    bool is_monotonic = last != 0;
    for (unsigned round = 0; round < 1000; round++) {
        uint64_t next = now();
        is_monotonic &= next >= last;
        last = next;
    }
    CHECK(is_monotonic);
}

static void test_sleep(void) {
    bool is_never_early = true;
    for (uint64_t round = 0; round < 10; round++) {
        uint64_t deadline_ns = now() + round * MILLISECOND_NS;
        is_never_early &= capos_timer_sleep(timer, deadline_ns) == 0 && now() >= deadline_ns;
    }
    CHECK(is_never_early);
    CHECK_RESULT(capos_timer_sleep(timer, 0), CAPOS_OK);
}

/* Sleeps submitted together end in the order of their deadlines. */
static void test_order(void) {
    struct capos_ring_client ring;
    capos_ring_open(&ring);
    uint64_t start_ns = now();
    for (uint64_t index = 0; index < 8; index++) {
        struct capos_entry *entry = capos_ring_prepare(&ring);
        entry->opcode = CAPOS_OP_CALL;
        entry->flags = CAPOS_ENTRY_INLINE;
        entry->capability = timer;
        entry->method = CAPOS_TIMER_METHOD_SLEEP;
        entry->argument[0] = start_ns + (40 - 5 * index) * MILLISECOND_NS;
        entry->user_data = index;
    }
    CHECK_EQUAL(capos_ring_enter(&ring, 8, CAPOS_FOREVER), 8);
    struct capos_completion completion;
    bool is_ordered = true;
    uint64_t last = 8;
    while (capos_ring_take(&ring, &completion)) {
        is_ordered &= completion.result == 0 && completion.user_data < last;
        last = completion.user_data;
    }
    CHECK(is_ordered);
}

static void test_deadline_of_wait(void) {
    struct capos_ring_client ring;
    capos_ring_open(&ring);
    uint64_t deadline_ns = now() + 5 * MILLISECOND_NS;
    int64_t standing = capos_ring_enter(&ring, 1, deadline_ns);
    CHECK(standing == CAPOS_E_TIMED_OUT || standing == 0);
    CHECK(now() >= deadline_ns);
}

static void test_clock_page(void) {
    uint64_t first = 0, second = 1;
    int64_t result = capos_timer_clock_page(timer, &first);
    CHECK_RESULT(result, CAPOS_OK);
    CHECK_RESULT(capos_timer_clock_page(timer, &second), CAPOS_OK);
    CHECK_EQUAL(first, second);
    CHECK(first != 0 && first % CAPOS_PAGE_SIZE == 0);
    const struct capos_clock *clock = (const struct capos_clock *)first;
    CHECK_EQUAL(clock->version, CAPOS_CLOCK_VERSION);
    uint64_t before = now(), read = capos_clock_read(clock), after = now();
    CHECK(!clock->valid || (read + MILLISECOND_NS >= before && read <= after + MILLISECOND_NS));
}

int main(void) {
    timer = capos_lookup("timer", CAPOS_TIMER_INTERFACE);
    test_now();
    test_sleep();
    test_order();
    test_deadline_of_wait();
    test_clock_page();
    return tap_finish();
}
