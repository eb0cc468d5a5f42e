#pragma once
/* Rounding to powers of two, for the .c files of core/. */
#include <stdbool.h>
#include <stdint.h>

static inline uint64_t round_down(uint64_t value, uint64_t alignment) {
    return value & ~(alignment - 1);
}

/* value + alignment - 1 must not wrap. */
static inline uint64_t round_up(uint64_t value, uint64_t alignment) {
    return round_down(value + alignment - 1, alignment);
}

static inline bool is_power_of_two(uint64_t value) {
    return value != 0 && (value & (value - 1)) == 0;
}
