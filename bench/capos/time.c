/* The monotonic clock, and waiting for it. */
#include "bench/side.h"

#define SLEEP_NS 10000u

static const struct capos_clock *map_clock(void) {
    uint64_t address;
    CHECK(capos_timer_clock_page(capabilities.timer, &address) == 0);
    return (const struct capos_clock *)address;
}

static uint64_t read_clock(const struct capos_clock *clock) {
    const uint64_t now_ns = capos_clock_read(clock);
    CHECK(now_ns != 0);
    return now_ns;
}

static uint64_t call_clock(void) {
    uint64_t now_ns;
    CHECK(capos_timer_now(capabilities.timer, &now_ns) == 0);
    return now_ns;
}

uint64_t side_now_ns(void) {
    return call_clock();
}

BENCH(clock_user) {
    const struct capos_clock *clock = map_clock();
    MEASURE(measure, 1, ROUNDS, read_clock(clock));
}

BENCH(clock_syscall) {
    MEASURE(measure, 1, ROUNDS, call_clock());
}

BENCH(sleep_10us_overshoot) {
    const struct capos_clock *clock = map_clock();
    for (uint32_t round = 0; round < ROUNDS_FEW; round++) {
        uint64_t deadline_ns = read_clock(clock) + SLEEP_NS;
        CHECK(capos_timer_sleep(capabilities.timer, deadline_ns) == 0);
        measure_add(measure, read_clock(clock) - deadline_ns);
    }
}
