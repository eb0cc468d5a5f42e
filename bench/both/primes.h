#pragma once
/*
 * A job of pure computing: how many primes there are below a bound. Numbers come in blocks, which
 * those who share the job take from the front, so that each has as much to do.
 */
#include <stdint.h>

#define PRIMES_BLOCKS 1200u
#define PRIMES_FOUND 92938u /* in all of them */

/* Those in one block; block < PRIMES_BLOCKS. */
uint32_t primes_count(uint32_t block);

/* Those in every count-th block from index on, modulo what an exit code has room for. */
#define PRIMES_SHARE_VALUES 100u
uint32_t primes_share(uint32_t index, uint32_t count);
