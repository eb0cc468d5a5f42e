/* Memory: mmap and its relatives, and what the first touch of a page costs. */
#include <sys/mman.h>

#include "bench/measure.h"

#define READ_WRITE (PROT_READ | PROT_WRITE)

static volatile uint8_t *map_bytes(uint64_t size, int protection, int flags) {
    void *address = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    CHECK(address != MAP_FAILED);
    return address;
}

static volatile uint8_t *map(uint64_t pages) {
    return map_bytes(pages * PAGE_BYTES, READ_WRITE, 0);
}

static void unmap(volatile uint8_t *memory, uint64_t size) {
    CHECK(munmap((void *)memory, size) == 0);
}

/* touch, and the measurements of first touch and of map, touch, unmap. */
#include "bench/memory_both.h"

static void protect(volatile uint8_t *page, int protection) {
    CHECK(mprotect((void *)page, PAGE_BYTES, protection) == 0);
}

/* Read-only and back, halved. */
BENCH(protect_1p) {
    volatile uint8_t *memory = map(16);
    volatile uint8_t *page = memory + 8 * PAGE_BYTES;
    touch(memory, 16);
    MEASURE(measure, 2, ROUNDS, (protect(page, PROT_READ), protect(page, READ_WRITE)));
    unmap(memory, 16 * PAGE_BYTES);
}

static void decommit(volatile uint8_t *memory, uint64_t size) {
    CHECK(madvise((void *)memory, size, MADV_DONTNEED) == 0);
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
    volatile uint8_t *memory = map_bytes(size, PROT_NONE, MAP_NORESERVE);
    protect(memory, READ_WRITE);
    touch(memory, 1);
    unmap(memory, size);
}

BENCH(reserve64g_commit1_release) {
    MEASURE(measure, 1, ROUNDS_FEW, reserve_commit_release());
}
