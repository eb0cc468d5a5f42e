/* The monotonic clock, and waiting for it. */
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "bench/side.h"

#define SLEEP_NS 10000
#define SECOND_NS 1000000000

static int64_t to_ns(struct timespec time) {
    return time.tv_sec * SECOND_NS + time.tv_nsec;
}

static struct timespec from_ns(int64_t time_ns) {
    return (struct timespec){.tv_sec = time_ns / SECOND_NS, .tv_nsec = time_ns % SECOND_NS};
}

static struct timespec read_clock(void) {
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return now;
}

static void call_clock(void) {
    struct timespec now;
    CHECK(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) == 0);
}

uint64_t side_now_ns(void) {
    return (uint64_t)to_ns(read_clock());
}

BENCH(clock_user) {
    MEASURE(measure, 1, ROUNDS, read_clock());
}

BENCH(clock_syscall) {
    MEASURE(measure, 1, ROUNDS, call_clock());
}

BENCH(sleep_10us_overshoot) {
    CHECK(prctl(PR_SET_TIMERSLACK, 1UL) == 0);
    for (uint32_t round = 0; round < ROUNDS_FEW; round++) {
        int64_t deadline_ns = to_ns(read_clock()) + SLEEP_NS;
        struct timespec deadline = from_ns(deadline_ns);
        CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) == 0);
        measure_add(measure, (uint64_t)(to_ns(read_clock()) - deadline_ns));
    }
}
