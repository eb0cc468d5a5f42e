#include "far.h"

uint64_t near_sum(const uint64_t *words, uint64_t count) {
    uint64_t sum = 0;
    for (uint64_t index = 0; index < count; index++) {
        sum += words[index];
    }
    return sum;
}

void near_fill(uint8_t *bytes, uint64_t count, uint8_t value) {
    for (uint64_t index = 0; index < count; index++) {
        bytes[index] = value;
    }
    near_counter++;
    near_thread_counter++;
}

uint64_t *near_pick(uint64_t *table, int64_t index) {
    return &table[index];
}
