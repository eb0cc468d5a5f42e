#pragma once
/* What the storm of interrupts needs in assembly. */
#include <stdbool.h>
#include <stdint.h>

#include "capos/abi.h"

/* A handler that counts, spoils every register that it can, and returns. */
void storm_handler(void);
extern uint64_t storm_interrupts, storm_faults; /* how often it came, by kind */
extern capos_cap_t storm_signals;               /* the Signal that it returns by */

/* Fills all general registers, the carry flag and the red zone from the seed, waits a while, and
 * says whether everything is still there. */
bool storm_hold_general(uint64_t seed, uint64_t spins);
/* The same round a breakpoint in each spin, of which there is one at least. */
bool storm_hold_general_faulting(uint64_t seed, uint64_t spins);
