#pragma once
/*
 * The clock page that Timer.clockPage maps: monotonic time without a system call.
 *
 *   now_ns = base_ns + (((unsigned __int128)(RDTSC - base_tsc) * multiplier) >> 32)
 *
 * The words are constant while valid is 1. Programs in assembly may rely on the offsets.
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
