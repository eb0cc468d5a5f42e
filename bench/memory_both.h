#pragma once
/*
 * The memory measurements that read the same on both sides. The file that includes this has defined
 *
 *   static volatile uint8_t *map(uint64_t pages);
 *   static void unmap(volatile uint8_t *memory, uint64_t size);
 */
#include "bench/measure.h"

static void touch(volatile uint8_t *memory, uint64_t pages) {
    for (uint64_t page = 0; page < pages; page++) {
        memory[page * PAGE_BYTES] = 1;
    }
}

BENCH(pagefault_first_touch) {
    const uint64_t pages = ROUNDS_WARM_UP + ROUNDS;
    volatile uint8_t *memory = map(pages);
    volatile uint8_t *next = memory;
    MEASURE(measure, 1, ROUNDS, (*next = 1, next += PAGE_BYTES));
    unmap(memory, pages * PAGE_BYTES);
}

static void map_touch_unmap(uint64_t pages) {
    volatile uint8_t *memory = map(pages);
    touch(memory, pages);
    unmap(memory, pages * PAGE_BYTES);
}

BENCH(map_touch_unmap_1p) {
    MEASURE(measure, 1, ROUNDS, map_touch_unmap(1));
}

BENCH(map_touch_unmap_64p) {
    MEASURE(measure, 64, ROUNDS_FEW, map_touch_unmap(64));
}
