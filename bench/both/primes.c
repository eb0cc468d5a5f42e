#include "bench/both/primes.h"

#include <stdbool.h>

#define BLOCKS 1200u
#define BLOCK_NUMBERS 1000u

static bool is_prime(uint32_t number) {
    if (number < 2 || number % 2 == 0) {
        return number == 2;
    }
    for (uint32_t divisor = 3; divisor * divisor <= number; divisor += 2) {
        if (number % divisor == 0) {
            return false;
        }
    }
    return true;
}

static uint32_t count_primes(uint32_t block) {
    uint32_t count = 0;
    for (uint32_t number = block * BLOCK_NUMBERS; number < (block + 1) * BLOCK_NUMBERS; number++) {
        count += is_prime(number);
    }
    return count;
}

void primes_work(void *job) {
    struct primes *primes = job;
    uint32_t block;
    while ((block = atomic_fetch_add(&primes->next_block, 1)) < BLOCKS) {
        atomic_fetch_add(&primes->found, count_primes(block));
    }
}
