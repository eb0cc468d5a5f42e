// grants: console,timer,threads,thread-control,memory,park,system-info,process-info,spawner
// cpus: any

/*
 * IntervalTimer: moments are counted and never lost, do not drift, and cost nothing when nobody
 * waits for them.
 */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define MICROSECOND_NS UINT64_C(1000)
#define MILLISECOND_NS UINT64_C(1000000)
#define ROUNDS 20u

static capos_cap_t timer;

static uint64_t now(void) {
    uint64_t now_ns = 0;
    (void)capos_timer_now(timer, &now_ns);
    return now_ns;
}

static capos_cap_t make(uint64_t first_ns, uint64_t period_ns) {
    capos_cap_t interval;
    if (capos_timer_interval(timer, first_ns, period_ns, &interval) != CAPOS_OK) {
        capos_abort("an interval was refused");
    }
    return interval;
}

static uint64_t wait(capos_cap_t interval) {
    uint64_t expirations = 0;
    int64_t result = capos_interval_timer_wait(interval, &expirations);
    return result == CAPOS_OK ? expirations : 0;
}

static uint64_t frames(void) {
    struct capos_process_info_get_results info = {0};
    (void)capos_process_info_get(crew_capability("process-info"), &info);
    return info.frames;
}

static void test_what_is_refused(void) {
    capos_cap_t interval;
    CHECK_RESULT(capos_timer_interval(timer, 0, 1, &interval), CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_timer_interval(timer, 0, CAPOS_INTERVAL_PERIOD_NS_MIN - 1, &interval),
                 CAPOS_E_INVALID_ARGUMENT);
    interval = make(CAPOS_FOREVER, CAPOS_INTERVAL_PERIOD_NS_MIN);
    CHECK_RESULT(capos_interval_timer_set(interval, 0, 999), CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_release(interval), CAPOS_OK);
    CHECK_RESULT(capos_interval_timer_wait(interval, &interval), CAPOS_E_BAD_CAPABILITY);
}

/* After each wait as many moments have passed as were counted, neither more nor fewer. */
static void test_counting(void) {
    const uint64_t period_ns = 300 * MICROSECOND_NS;
    uint64_t first_ns = now() + period_ns, sum = 0;
    capos_cap_t interval = make(first_ns, period_ns);
    bool is_exact = true;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t before_ns = now(), count = wait(interval), after_ns = now();
        uint64_t least = before_ns < first_ns ? 0 : (before_ns - first_ns) / period_ns + 1;
        uint64_t most = after_ns < first_ns ? 0 : (after_ns - first_ns) / period_ns + 1;
        sum += count;
        is_exact &= count > 0 && sum >= least && sum <= most;
        if (round % 4 == 0) { /* a slow reader */
            (void)capos_timer_sleep(timer, now() + 2 * MILLISECOND_NS);
        }
    }
    CHECK(is_exact);
    CHECK_RESULT(capos_release(interval), CAPOS_OK);
}

static void test_past_and_once(void) {
    uint64_t start_ns = now();
    capos_cap_t interval = make(0, MILLISECOND_NS);
    uint64_t count = wait(interval);
    CHECK(count >= start_ns / MILLISECOND_NS + 1 && count <= now() / MILLISECOND_NS + 1);
    CHECK_RESULT(capos_interval_timer_set(interval, now() + MILLISECOND_NS, 0), CAPOS_OK);
    CHECK_EQUAL(wait(interval), 1);
    CHECK_RESULT(capos_release(interval), CAPOS_OK);
}

static struct capos_entry *prepare(struct capos_ring_client *ring, capos_cap_t interval,
                                   uint64_t user_data) {
    struct capos_entry *entry =
        capos_ring_prepare_call(ring, interval, CAPOS_INTERVAL_TIMER_METHOD_WAIT);
    entry->user_data = user_data;
    return entry;
}

/* The completion that is next, or one that is all zero. */
static struct capos_completion take(struct capos_ring_client *ring) {
    struct capos_completion completion = {0};
    (void)capos_ring_enter(ring, 1, CAPOS_FOREVER);
    (void)capos_ring_take(ring, &completion);
    return completion;
}

/* Waits that end by their deadline, by CANCEL, by set; and none while the interval is stopped. */
static void test_ends_of_waits(void) {
    struct capos_ring_client ring;
    capos_ring_open(&ring);
    capos_cap_t interval = make(CAPOS_FOREVER, 0);
    prepare(&ring, interval, 1)->deadline_ns = now() + MILLISECOND_NS;
    CHECK_RESULT(take(&ring).result, CAPOS_E_TIMED_OUT);

    prepare(&ring, interval, 2);
    struct capos_entry *cancel = capos_ring_prepare(&ring);
    cancel->opcode = CAPOS_OP_CANCEL;
    cancel->argument[0] = 2;
    cancel->user_data = 3;
    CHECK_EQUAL(capos_ring_enter(&ring, 2, CAPOS_FOREVER), 2);
    struct capos_completion completion = take(&ring);
    CHECK_EQUAL(completion.user_data, 2);
    CHECK_RESULT(completion.result, CAPOS_E_CANCELLED);
    CHECK_EQUAL(take(&ring).user_data, 3);

    prepare(&ring, interval, 4);
    CHECK_EQUAL(capos_ring_enter(&ring, 1, now() + MILLISECOND_NS), 0);
    CHECK_RESULT(capos_interval_timer_set(interval, now() + MILLISECOND_NS, 0), CAPOS_OK);
    completion = take(&ring);
    CHECK_RESULT(completion.result, CAPOS_OK);
    CHECK_EQUAL(completion.aux, 1);

    CHECK_RESULT(capos_interval_timer_set(interval, now() + MILLISECOND_NS, MILLISECOND_NS),
                 CAPOS_OK);
    prepare(&ring, interval, 5);
    prepare(&ring, interval, 6);
    CHECK_EQUAL(take(&ring).user_data, 5); /* first come, first served */
    CHECK_EQUAL(take(&ring).user_data, 6);
    prepare(&ring, interval, 7)->deadline_ns = now() + 3 * MILLISECOND_NS;
    CHECK_RESULT(capos_interval_timer_stop(interval), CAPOS_OK);
    (void)capos_ring_enter(&ring, 0, CAPOS_POLL);
    CHECK_RESULT(take(&ring).result, CAPOS_E_TIMED_OUT);

    /* Given up while somebody waits: the wait holds it. */
    CHECK_RESULT(capos_interval_timer_set(interval, now() + MILLISECOND_NS, 0), CAPOS_OK);
    prepare(&ring, interval, 8);
    (void)capos_ring_enter(&ring, 0, CAPOS_POLL);
    CHECK_RESULT(capos_release(interval), CAPOS_OK);
    completion = take(&ring);
    CHECK_RESULT(completion.result, CAPOS_OK);
    CHECK_EQUAL(completion.aux, 1);
}

/* No timer fires for an interval for which nobody waits, and nothing is lost by that. */
static void test_no_tick(void) {
    capos_cap_t info = crew_capability("system-info");
    struct capos_system_info_get_results before = {0}, after = {.timer_interrupts = 1};
    const uint64_t period_ns = 10 * MICROSECOND_NS;
    uint64_t first_ns = now();
    capos_cap_t interval = make(first_ns, period_ns);
    for (unsigned round = 0; round < 100 && before.timer_interrupts != after.timer_interrupts;
         round++) {
        (void)capos_system_info_get(info, &before);
        for (uint64_t end_ns = now() + 20 * MILLISECOND_NS; now() < end_ns;) {
        }
        (void)capos_system_info_get(info, &after);
    }
    CHECK_EQUAL(after.timer_interrupts, before.timer_interrupts);
    uint64_t least = (now() - first_ns) / period_ns, count = wait(interval);
    CHECK(count >= least && count <= (now() - first_ns) / period_ns + 1);
    CHECK_RESULT(capos_release(interval), CAPOS_OK);
}

/* Threads that wait while others set and stop: each wait ends, and counts stay within the clock. */
static capos_cap_t shared;
static uint32_t should_stop;

static int64_t wait_again_and_again(void *argument) {
    int64_t sum = 0;
    while (crew_load(&should_stop) == 0) {
        uint64_t count = wait(shared);
        sum += count > 0 ? 1 : -1000000;
    }
    return sum;
}

static void test_storm(void) {
    struct capos_thread threads[3];
    shared = make(now(), 20 * MICROSECOND_NS);
    crew_store(&should_stop, 0);
    for (unsigned index = 0; index < 3; index++) {
        threads[index] = crew_start(wait_again_and_again, NULL);
    }
    bool is_done = true;
    for (unsigned round = 0; round < 200; round++) {
        is_done &= capos_interval_timer_stop(shared) == CAPOS_OK;
        capos_thread_yield();
        is_done &= capos_interval_timer_set(shared, now() + round % 3 * 10 * MICROSECOND_NS,
                                            10 * MICROSECOND_NS) == CAPOS_OK;
        (void)capos_timer_sleep(timer, now() + round % 5 * 20 * MICROSECOND_NS);
    }
    CHECK(is_done);
    crew_store(&should_stop, 1);
    bool is_right = true;
    for (unsigned index = 0; index < 3; index++) {
        is_right &= crew_value(&threads[index]) > 0;
    }
    CHECK(is_right);
    CHECK_RESULT(capos_release(shared), CAPOS_OK);
}

/* Every interval is charged, and given back with its last reference: also one whose maker has ended
 * with a wait in flight. */
static int play_child(void) {
    struct capos_ring_client ring;
    timer = crew_capability("timer");
    capos_ring_open(&ring);
    prepare(&ring, make(CAPOS_FOREVER, 0), 1);
    prepare(&ring, make(now(), MILLISECOND_NS), 2);
    prepare(&ring, make(now() + MILLISECOND_NS, MICROSECOND_NS), 3);
    (void)capos_ring_enter(&ring, 1, CAPOS_FOREVER);
    return 7;
}

static void test_charges(void) {
    capos_cap_t intervals[8];
    uint64_t before = frames();
    for (unsigned index = 0; index < 8; index++) {
        intervals[index] = make(now(), MILLISECOND_NS);
    }
    CHECK(frames() >= before + 8);
    for (unsigned index = 0; index < 8; index++) {
        (void)capos_release(intervals[index]);
    }
    CHECK_EQUAL(frames(), before);
    for (unsigned round = 0; round < 2; round++) { /* the first touches what spawning needs */
        before = frames();
        const struct capos_spawn_grant grants[] = {{.name = "timer", .capability = timer}};
        const struct child child = {.words = {"child"}, .grants = grants, .grant_count = 1};
        struct capos_process_wait_results end = {0};
        CHECK_RESULT(child_run(&child, &end), CAPOS_OK);
        CHECK_EQUAL(end.code, 7);
    }
    CHECK_EQUAL(frames(), before);
}

int main(int argument_count, char **arguments) {
    if (argument_count > 1) {
        return play_child();
    }
    timer = crew_capability("timer");
    test_no_tick();
    test_what_is_refused();
    test_counting();
    test_past_and_once();
    test_ends_of_waits();
    test_storm();
    test_charges();
    return tap_finish();
}
