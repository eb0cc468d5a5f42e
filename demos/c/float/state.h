#pragma once
/* The floating-point state of a thread, checked from inside. */
#include <stdbool.h>
#include <stdint.h>

/*
 * Fills x87 control word, MXCSR and all vector registers with patterns drawn from the seed, waits a
 * while, looks whether they are still there, and so on for `rounds` rounds. False when one is not,
 * or when the thread did not begin with the defaults.
 */
bool state_is_kept(uint64_t seed, uint64_t rounds);

/* The registers have 256 bits here, not 128. */
bool state_is_wide(void);
