/* Memory: VirtualMemory, and what the first touch of a page costs. */
#include "bench/capos/side.h"

#define READ CAPOS_PROTECTION_READ
#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)

static volatile uint8_t *map(uint64_t pages) {
    uint64_t address;
    CHECK(capos_virtual_memory_map(capabilities.memory, 0, pages * PAGE_BYTES, READ_WRITE,
                                   &address) == 0);
    return (volatile uint8_t *)address;
}

static void unmap(volatile uint8_t *memory, uint64_t size) {
    CHECK(capos_virtual_memory_unmap(capabilities.memory, (uint64_t)memory, size) == 0);
}

/* touch, and the measurements of first touch and of map, touch, unmap. */
#include "bench/memory_both.h"

static void protect(volatile uint8_t *page, uint64_t protection) {
    CHECK(capos_virtual_memory_protect(capabilities.memory, (uint64_t)page, PAGE_BYTES,
                                       protection) == 0);
}

/* Read-only and back, halved. */
BENCH(protect_1p) {
    volatile uint8_t *memory = map(16);
    volatile uint8_t *page = memory + 8 * PAGE_BYTES;
    touch(memory, 16);
    MEASURE(measure, 2, ROUNDS, (protect(page, READ), protect(page, READ_WRITE)));
    unmap(memory, 16 * PAGE_BYTES);
}

static void decommit(volatile uint8_t *memory, uint64_t size) {
    CHECK(capos_virtual_memory_decommit(capabilities.memory, (uint64_t)memory, size) == 0);
}

BENCH(decommit_64p) {
    volatile uint8_t *memory = map(64);
    measure->operations = 64;
    for (uint32_t round = 0; round < ROUNDS_FEW; round++) {
        touch(memory, 64);
        const uint64_t start = measure_tick();
        decommit(memory, 64 * PAGE_BYTES);
        measure_add(measure, measure_tick() - start - measure->overhead);
    }
    unmap(memory, 64 * PAGE_BYTES);
}

static void reserve_commit_release(void) {
    const uint64_t size = UINT64_C(64) << 30;
    uint64_t address;
    CHECK(capos_virtual_memory_reserve(capabilities.memory, 0, size, &address) == 0);
    CHECK(capos_virtual_memory_commit(capabilities.memory, address, PAGE_BYTES, READ_WRITE) == 0);
    touch((volatile uint8_t *)address, 1);
    unmap((volatile uint8_t *)address, size);
}

BENCH(reserve64g_commit1_release) {
    MEASURE(measure, 1, ROUNDS_FEW, reserve_commit_release());
}
