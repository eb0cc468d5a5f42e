/* Memory, and what the first touch of a page costs. */
#include "bench/side.h"

static void touch(volatile uint8_t *memory, uint64_t pages) {
    for (uint64_t page = 0; page < pages; page++) {
        memory[page * PAGE_BYTES] = 1;
    }
}

BENCH(pagefault_first_touch) {
    const uint64_t pages = ROUNDS_WARM_UP + ROUNDS;
    volatile uint8_t *memory = side_map(pages * PAGE_BYTES);
    volatile uint8_t *next = memory;
    MEASURE(measure, 1, ROUNDS, (*next = 1, next += PAGE_BYTES));
    side_unmap(memory, pages * PAGE_BYTES);
}

static void map_touch_unmap(uint64_t pages) {
    volatile uint8_t *memory = side_map(pages * PAGE_BYTES);
    touch(memory, pages);
    side_unmap(memory, pages * PAGE_BYTES);
}

BENCH(map_touch_unmap_1p) {
    MEASURE(measure, 1, ROUNDS, map_touch_unmap(1));
}

BENCH(map_touch_unmap_64p) {
    MEASURE(measure, 64, ROUNDS_FEW, map_touch_unmap(64));
}

static void protect_and_back(volatile uint8_t *page) {
    side_protect(page, PAGE_BYTES, false);
    side_protect(page, PAGE_BYTES, true);
}

/* Read-only and back, halved. */
BENCH(protect_1p) {
    volatile uint8_t *memory = side_map(16 * PAGE_BYTES);
    touch(memory, 16);
    MEASURE(measure, 2, ROUNDS, protect_and_back(memory + 8 * PAGE_BYTES));
    side_unmap(memory, 16 * PAGE_BYTES);
}

BENCH(decommit_64p) {
    volatile uint8_t *memory = side_map(64 * PAGE_BYTES);
    measure->operations = 64;
    for (uint32_t round = 0; round < ROUNDS_FEW; round++) {
        touch(memory, 64);
        const uint64_t start = measure_tick();
        side_decommit(memory, 64 * PAGE_BYTES);
        measure_add(measure, measure_tick() - start - measure->overhead);
    }
    side_unmap(memory, 64 * PAGE_BYTES);
}

static void reserve_commit_release(void) {
    const uint64_t size = UINT64_C(64) << 30;
    volatile uint8_t *memory = side_reserve(size);
    side_commit(memory, PAGE_BYTES);
    touch(memory, 1);
    side_unmap(memory, size);
}

BENCH(reserve64g_commit1_release) {
    MEASURE(measure, 1, ROUNDS_FEW, reserve_commit_release());
}
