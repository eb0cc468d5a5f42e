// grants: console,timer,system-info
// cpus: any
// options: --icount

/*
 * CPUs that have nothing to do halt, and are left alone until something is due. Under the
 * instruction clock time passes by instructions, or at once when all CPUs halt: were one of them to
 * look for work all the time, the hours that this sleeps would take as long.
 */
#include "tests/guest/tap.h"

#define SECOND_NS UINT64_C(1000000000)
#define LONG_NS (10 * 3600 * SECOND_NS)
#define SHORT_NS SECOND_NS
#define TIMER_REACH_NS (4 * SECOND_NS) /* of a timer that counts down from 32 bits */
#define ROUNDS 5u

static capos_cap_t timer, system_info;

/* How often timers have fired while all slept for so long. */
static uint64_t count_interrupts(uint64_t duration_ns) {
    struct capos_system_info_get_results before = {0}, after = {0};
    uint64_t start_ns = 0, end_ns = 0;
    CHECK_RESULT(capos_system_info_get(system_info, &before), CAPOS_OK);
    CHECK_RESULT(capos_timer_now(timer, &start_ns), CAPOS_OK);
    CHECK_RESULT(capos_timer_sleep(timer, start_ns + duration_ns), CAPOS_OK);
    CHECK_RESULT(capos_timer_now(timer, &end_ns), CAPOS_OK);
    CHECK_RESULT(capos_system_info_get(system_info, &after), CAPOS_OK);
    uint64_t slept_ns = end_ns - start_ns, idle_ns = after.idle_ns - before.idle_ns;
    CHECK(slept_ns >= duration_ns);
    CHECK(idle_ns <= after.cpu_count * slept_ns + SECOND_NS / 1000);
    CHECK(idle_ns >= after.cpu_count * (slept_ns - SECOND_NS / 1000));
    return after.timer_interrupts - before.timer_interrupts;
}

int main(void) {
    timer = capos_lookup("timer", CAPOS_TIMER_INTERFACE);
    system_info = capos_lookup("system-info", CAPOS_SYSTEM_INFO_INTERFACE);
    CHECK(count_interrupts(LONG_NS) <= LONG_NS / TIMER_REACH_NS + 1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        CHECK_EQUAL(count_interrupts(SHORT_NS), 1);
    }
    return tap_finish();
}
