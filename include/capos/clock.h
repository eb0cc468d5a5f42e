#pragma once
/*
 * The clock page that Timer.clockPage maps: monotonic time without a system call.
 *
 *   now_ns = base_ns + (((unsigned __int128)(RDTSC - base_tsc) * multiplier) >> 32)
 *
 * The words are constant while valid is 1. Programs in assembly may rely on the offsets;
 * docs/abi.md has the code.
 */
#include <stdint.h>

#define CAPOS_CLOCK_VERSION 1u

struct capos_clock {
    uint32_t version;
    uint32_t valid; /* 0: use Timer.now */
    uint64_t base_tsc;
    uint64_t base_ns;
    uint64_t multiplier; /* nanoseconds per tick, times 2^32 */
};
_Static_assert(sizeof(struct capos_clock) == 32, "ABI");
_Static_assert(__builtin_offsetof(struct capos_clock, valid) == 4, "ABI");
_Static_assert(__builtin_offsetof(struct capos_clock, base_tsc) == 8, "ABI");
_Static_assert(__builtin_offsetof(struct capos_clock, base_ns) == 16, "ABI");
_Static_assert(__builtin_offsetof(struct capos_clock, multiplier) == 24, "ABI");

/*
 * The monotonic time in nanoseconds, or 0 when the page is not valid. What one thread reads, and
 * then tells another, is never later than what the other reads afterwards: the processor may read
 * the counter before loads that come first in the program, but not before an LFENCE (SDM volume 2B,
 * RDTSC).
 */
static inline uint64_t capos_clock_read(const struct capos_clock *clock) {
    uint32_t low, high;
    if (__atomic_load_n(&clock->valid, __ATOMIC_ACQUIRE) == 0) {
        return 0;
    }
    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
    uint64_t ticks = ((uint64_t)high << 32 | low) - clock->base_tsc;
    return clock->base_ns + (uint64_t)(((unsigned __int128)ticks * clock->multiplier) >> 32);
}

/*
 * The page that Timer.wallPage maps: the time of day, from monotonic time.
 *
 *   wall_ns = monotonic_ns + offset_ns     since 1970-01-01 00:00 UTC, leap seconds not counted
 */
struct capos_wall_clock {
    uint32_t version; /* CAPOS_CLOCK_VERSION */
    uint32_t valid;   /* 0: use Timer.wallClock */
    uint64_t offset_ns;
};
_Static_assert(sizeof(struct capos_wall_clock) == 16, "ABI");
_Static_assert(__builtin_offsetof(struct capos_wall_clock, offset_ns) == 8, "ABI");
