/* The monotonic clock, and waiting for it. */
#include "bench/capos/side.h"

#define SLEEP_NS 10000u

static const volatile struct capos_clock *map_clock(void) {
    uint64_t address;
    CHECK(capos_timer_clock_page(capabilities.timer, &address) == 0);
    return (const volatile struct capos_clock *)address;
}

static uint64_t call_clock(void) {
    uint64_t now_ns;
    CHECK(capos_timer_now(capabilities.timer, &now_ns) == 0);
    return now_ns;
}

static uint64_t read_clock(const volatile struct capos_clock *clock) {
    if (!clock->valid) {
        return call_clock();
    }
    uint64_t ticks = measure_tick() - clock->base_tsc;
    return clock->base_ns + (uint64_t)((unsigned __int128)ticks * clock->multiplier >> 32);
}

BENCH(clock_user) {
    const volatile struct capos_clock *clock = map_clock();
    MEASURE(measure, 1, ROUNDS, CHECK(read_clock(clock) != 0));
}

BENCH(clock_syscall) {
    MEASURE(measure, 1, ROUNDS, CHECK(call_clock() != 0));
}

BENCH(sleep_10us_overshoot) {
    const volatile struct capos_clock *clock = map_clock();
    for (uint32_t round = 0; round < ROUNDS_FEW; round++) {
        uint64_t deadline_ns = read_clock(clock) + SLEEP_NS;
        CHECK(capos_timer_sleep(capabilities.timer, deadline_ns) == 0);
        measure_add(measure, read_clock(clock) - deadline_ns);
    }
}
