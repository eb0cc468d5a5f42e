#include "bench/both/primes.h"

#include <stdbool.h>

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

uint32_t primes_count(uint32_t block) {
    uint32_t count = 0;
    for (uint32_t number = block * BLOCK_NUMBERS; number < (block + 1) * BLOCK_NUMBERS; number++) {
        count += is_prime(number);
    }
    return count;
}

uint32_t primes_share(uint32_t index, uint32_t count) {
    uint32_t primes = 0;
    for (uint32_t block = index; block < PRIMES_BLOCKS; block += count) {
        primes += primes_count(block);
    }
    return primes % PRIMES_SHARE_VALUES;
}
