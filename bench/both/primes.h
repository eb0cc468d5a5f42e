#pragma once
/*
 * A job of pure computing: how many primes there are below a bound. Numbers come in blocks, which
 * all who do the job take by a counter that they share.
 */
#include <stdatomic.h>
#include <stdint.h>

#define PRIMES_FOUND 92938u

/* All zero at first. */
struct primes {
    _Atomic uint32_t next_block, found;
};

/* Takes blocks until there are none; the argument is the job. */
void primes_work(void *job);
