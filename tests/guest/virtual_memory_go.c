// grants: console,memory,system-info
// cpus: any

/* What Go's runtime asks for when it starts (1.23, 48 address bits), in its order: large
 * reservations of which little is ever used, committed page by page. */
#include "tests/guest/tap.h"

#define PAGE ((uint64_t)CAPOS_PAGE_SIZE)
#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)
#define HEAP_LIMIT (UINT64_C(1) << 40) /* above it Go with 40 address bits has no heap */
#define ARENA UINT64_C(0xc000000000)
#define ARENA_BYTES (64 * MIB)

static capos_cap_t memory;

static struct capos_virtual_memory_query_results query(uint64_t address) {
    struct capos_virtual_memory_query_results run = {.kind = 99};
    (void)capos_virtual_memory_query(memory, address, &run);
    return run;
}

static uint64_t free_bytes(void) {
    struct capos_system_info_get_results info = {0};
    capos_system_info_get(capos_lookup("system-info", CAPOS_SYSTEM_INFO_INTERFACE), &info);
    return info.free_bytes;
}

static uint64_t reserve(uint64_t size) {
    uint64_t address = 0;
    CHECK_RESULT(capos_virtual_memory_reserve(memory, 0, size, &address), CAPOS_OK);
    CHECK(address != 0 && address + size <= HEAP_LIMIT);
    return address;
}

static uint64_t map(uint64_t size) {
    uint64_t address = 0;
    CHECK_RESULT(capos_virtual_memory_map(memory, 0, size, READ_WRITE, &address), CAPOS_OK);
    CHECK(address != 0 && address + size <= HEAP_LIMIT);
    return address;
}

/* sysMap and sysUsed: what was reserved is there, zero, and what is beside it is not. */
static void commit(uint64_t address, uint64_t size) {
    CHECK_RESULT(capos_virtual_memory_commit(memory, address, size, READ_WRITE), CAPOS_OK);
    CHECK_EQUAL(*(volatile uint64_t *)(address + size - 8), 0);
    *(volatile uint64_t *)address = 1;
    CHECK_EQUAL(query(address).kind, CAPOS_VIRTUAL_MEMORY_KIND_ANONYMOUS);
    CHECK_EQUAL(query(address + size).kind, CAPOS_VIRTUAL_MEMORY_KIND_RESERVED);
}

static void test_start(void) {
    static const uint64_t summaries[] = {128 * KIB, MIB, 8 * MIB, 64 * MIB, 512 * MIB};
    enum { LEVELS = sizeof summaries / sizeof *summaries };
    uint64_t level[LEVELS], address;
    uint64_t sys_alloc = map(256 * KIB);
    *(volatile uint8_t *)sys_alloc = 1;
    for (unsigned index = 0; index < LEVELS; index++) {
        level[index] = reserve(summaries[index]);
    }
    uint64_t scavenge_index = reserve(512 * MIB);

    CHECK_RESULT(capos_virtual_memory_reserve(memory, ARENA, ARENA_BYTES, &address), CAPOS_OK);
    CHECK_EQUAL(address, ARENA);
    CHECK_RESULT(capos_virtual_memory_reserve(memory, ARENA + 4 * MIB, ARENA_BYTES, &address),
                 CAPOS_E_EXISTS);
    CHECK_RESULT(capos_virtual_memory_reserve(memory, ARENA + ARENA_BYTES, ARENA_BYTES, &address),
                 CAPOS_OK);
    CHECK_EQUAL(address, ARENA + ARENA_BYTES);
    CHECK_EQUAL(query(ARENA).size, 2 * ARENA_BYTES);

    uint64_t arena_index = map(32 * MIB); /* one page of it is touched */
    *(volatile uint64_t *)(arena_index + 24 * MIB) = 1;
    CHECK_EQUAL(query(arena_index).resident_pages, 1);

    commit(ARENA, 4 * MIB);
    commit(level[0], 4 * KIB);
    commit(scavenge_index + 128 * KIB, 128 * KIB);
    for (unsigned index = 1; index < LEVELS; index++) {
        /* the summary of the arena: somewhere in the middle */
        commit(level[index] + summaries[index] / 2, PAGE);
        CHECK_EQUAL(query(level[index]).size, summaries[index] / 2);
    }
}

/* The heap grows and shrinks. */
static void test_heap(void) {
    for (uint64_t end = 4 * MIB; end < 16 * MIB; end += 4 * MIB) {
        commit(ARENA + end, 4 * MIB);
    }
    CHECK_EQUAL(query(ARENA + 5 * MIB).start, ARENA);
    CHECK_EQUAL(query(ARENA + 5 * MIB).size, 16 * MIB);
    uint64_t resident = query(ARENA).resident_pages;
    CHECK_EQUAL(resident, 8);

    CHECK_RESULT(capos_virtual_memory_decommit(memory, ARENA + 4 * MIB, 8 * KIB), CAPOS_OK);
    CHECK_EQUAL(query(ARENA).resident_pages, resident - 1);
    CHECK_EQUAL(query(ARENA).committed, 1);
    CHECK_EQUAL(*(volatile uint64_t *)(ARENA + 4 * MIB), 0);

    CHECK_RESULT(capos_virtual_memory_protect(memory, ARENA, 8 * KIB, CAPOS_PROTECTION_NONE),
                 CAPOS_OK); /* sysFault */
    CHECK_EQUAL(query(ARENA).size, 8 * KIB);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, ARENA + 4 * KIB, 4 * KIB), CAPOS_OK);
    CHECK_EQUAL(query(ARENA).size, 4 * KIB);
    CHECK_EQUAL(query(ARENA + 8 * KIB).size, 16 * MIB - 8 * KIB);
}

/* A reservation costs one record, however large. */
static void test_large(void) {
    enum { COUNT = 30 };
    uint64_t before = free_bytes(), address;
    for (unsigned index = 0; index < COUNT; index++) {
        uint64_t hint = (UINT64_C(1) << 41) + index * 512 * GIB;
        CHECK_RESULT(capos_virtual_memory_reserve(memory, hint, 500 * GIB, &address), CAPOS_OK);
    }
    CHECK(before - free_bytes() <= 2 * PAGE);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, UINT64_C(1) << 41, COUNT * 512 * GIB),
                 CAPOS_OK);
}

int main(void) {
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    test_start();
    test_heap();
    test_large();
    return tap_finish();
}
