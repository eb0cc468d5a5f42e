// grants: console,timer
// cpus: any

/* Timer: a clock that never goes back, sleeps that never end early, and the clock page. */
#include "tests/guest/tap.h"

#define MILLISECOND_NS UINT64_C(1000000)
#define TRIES 100u

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

/* Submits eight sleeps, the last of which ends first. True when all were in flight before the first
 * had to end: a host that stops the CPU may let some be over as soon as they are submitted. */
static bool sleep_backwards(struct capos_ring_client *ring) {
    uint64_t start_ns = now();
    for (uint64_t index = 0; index < 8; index++) {
        struct capos_entry *entry = capos_ring_prepare_call(ring, timer, CAPOS_TIMER_METHOD_SLEEP);
        entry->argument[0] = start_ns + (40 - 5 * index) * MILLISECOND_NS;
        entry->user_data = index;
    }
    int64_t standing = capos_ring_enter(ring, 0, CAPOS_FOREVER);
    bool are_in_flight = now() < start_ns + 5 * MILLISECOND_NS;
    CHECK(standing == 0 || !are_in_flight);
    CHECK_EQUAL(capos_ring_enter(ring, 8, CAPOS_FOREVER), 8);
    return are_in_flight;
}

/* Sleeps submitted together end in the order of their deadlines. */
static void test_order(void) {
    struct capos_ring_client ring;
    capos_ring_open(&ring);
    bool is_shown = false;
    for (unsigned round = 0; round < TRIES && !is_shown; round++) {
        struct capos_completion completion;
        bool is_ordered = true;
        uint64_t last = 8;
        is_shown = sleep_backwards(&ring);
        while (capos_ring_take(&ring, &completion)) {
            is_ordered &= completion.result == 0 && completion.user_data < last;
            last = completion.user_data;
        }
        CHECK(is_ordered || !is_shown);
    }
    CHECK(is_shown);
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
