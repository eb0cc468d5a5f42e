// grants: console,memory

/* VirtualMemory: every method, at the borders of its ranges and against its refusals. */
#include "tests/guest/tap.h"

#define PAGE ((uint64_t)CAPOS_PAGE_SIZE)
#define READ CAPOS_PROTECTION_READ
#define WRITE CAPOS_PROTECTION_WRITE
#define EXECUTE CAPOS_PROTECTION_EXECUTE

static capos_cap_t memory;

static struct capos_virtual_memory_query_results query(uint64_t address) {
    struct capos_virtual_memory_query_results run = {.kind = 99};
    (void)capos_virtual_memory_query(memory, address, &run);
    return run;
}

static uint64_t map(uint64_t pages) {
    uint64_t address = 0;
    int64_t result = capos_virtual_memory_map(memory, 0, pages * PAGE, READ | WRITE, &address);
    return result == 0 ? address : 0;
}

static void test_map(void) {
    uint64_t address = map(16);
    CHECK(address != 0 && address % PAGE == 0);
    volatile uint8_t *bytes = (volatile uint8_t *)address;
    bool is_zero = true;
    for (uint64_t offset = 0; offset < 16 * PAGE; offset += 512) {
        is_zero &= bytes[offset] == 0;
        bytes[offset] = 1;
    }
    CHECK(is_zero);
    CHECK_EQUAL(query(address).start, address);
    CHECK_EQUAL(query(address).size, 16 * PAGE);
    CHECK_EQUAL(query(address).protection, READ | WRITE);
    CHECK_EQUAL(query(address).kind, CAPOS_VIRTUAL_MEMORY_KIND_ANONYMOUS);
    CHECK_EQUAL(query(address + 5 * PAGE).resident_pages, 16);

    uint64_t again;
    CHECK_RESULT(capos_virtual_memory_map(memory, address, PAGE, READ, &again), CAPOS_E_EXISTS);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, address + 4 * PAGE, 8 * PAGE), CAPOS_OK);
    CHECK_EQUAL(query(address).size, 4 * PAGE);
    CHECK_EQUAL(query(address + 4 * PAGE).kind, CAPOS_VIRTUAL_MEMORY_KIND_FREE);
    CHECK_EQUAL(query(address + 12 * PAGE).size, 4 * PAGE);
    CHECK_RESULT(capos_virtual_memory_map(memory, address + 6 * PAGE, PAGE, READ, &again),
                 CAPOS_OK);
    CHECK_EQUAL(again, address + 6 * PAGE);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, address, 16 * PAGE), CAPOS_OK);
}

static void test_reserve(void) {
    uint64_t address = 0;
    CHECK_RESULT(capos_virtual_memory_reserve(memory, 0, UINT64_C(1) << 36, &address), CAPOS_OK);
    CHECK_EQUAL(query(address).kind, CAPOS_VIRTUAL_MEMORY_KIND_RESERVED);
    uint64_t middle = address + (UINT64_C(1) << 35);
    CHECK_RESULT(capos_virtual_memory_protect(memory, middle, PAGE, READ), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_virtual_memory_commit(memory, middle, 4 * PAGE, READ | WRITE), CAPOS_OK);
    volatile uint64_t *word = (volatile uint64_t *)middle;
    *word = 5;
    CHECK_EQUAL(query(middle).resident_pages, 1);
    CHECK_RESULT(capos_virtual_memory_decommit(memory, middle, 4 * PAGE), CAPOS_OK);
    CHECK_EQUAL(query(middle).resident_pages, 0);
    CHECK_EQUAL(*word, 0);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, address, UINT64_C(1) << 36), CAPOS_OK);
    CHECK_EQUAL(query(middle).kind, CAPOS_VIRTUAL_MEMORY_KIND_FREE);
}

static void test_protect(void) {
    uint64_t address = map(3);
    CHECK_RESULT(capos_virtual_memory_protect(memory, address + PAGE, PAGE, READ), CAPOS_OK);
    CHECK_EQUAL(query(address + PAGE).size, PAGE);
    CHECK_RESULT(capos_virtual_memory_protect(memory, address, PAGE, READ | WRITE | EXECUTE),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_virtual_memory_protect(memory, address, PAGE, WRITE),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_virtual_memory_protect(memory, address, PAGE, 16), CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_virtual_memory_protect(memory, address, PAGE, UINT64_C(1) << 32),
                 CAPOS_E_INVALID_ARGUMENT);

    /* the kernel's own copies mind the protection too */
    capos_cap_t console = capos_lookup("console", CAPOS_CONSOLE_INTERFACE);
    uint64_t count;
    CHECK_RESULT(capos_virtual_memory_protect(memory, address, PAGE, CAPOS_PROTECTION_NONE),
                 CAPOS_OK);
    CHECK_RESULT(
        capos_console_write(console, CAPOS_CONSOLE_STREAM_ERROR, (const void *)address, 1, &count),
        CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, address, 3 * PAGE), CAPOS_OK);
}

/* Code that was written, then made executable: mov eax, 42; ret. */
static void test_execute(void) {
    static const uint8_t code[] = {0xb8, 42, 0, 0, 0, 0xc3};
    uint64_t address = map(1);
    memcpy((void *)address, code, sizeof code);
    CHECK_RESULT(capos_virtual_memory_protect(memory, address, PAGE, READ | EXECUTE), CAPOS_OK);
    int (*function)(void) = (int (*)(void))address;
    CHECK_EQUAL(function(), 42);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, address, PAGE), CAPOS_OK);
}

static void test_bad_ranges(void) {
    uint64_t address;
    CHECK_RESULT(capos_virtual_memory_map(memory, 0, 0, READ, &address), CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_virtual_memory_map(memory, 0, 100, READ, &address),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_virtual_memory_map(memory, 12345, PAGE, READ, &address),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK(capos_virtual_memory_map(memory, UINT64_C(0xffffffff80000000), PAGE, READ, &address) < 0);
    CHECK(capos_virtual_memory_map(memory, 0, UINT64_MAX - PAGE + 1, READ, &address) < 0);
    CHECK(capos_virtual_memory_unmap(memory, UINT64_MAX - PAGE + 1, 2 * PAGE) < 0);
    CHECK(capos_virtual_memory_decommit(memory, 0, PAGE) < 0);
}

/* The ring and the start page are the kernel's: what they are mapped to stays. */
static void test_pinned(void) {
    uint64_t ring = capos_start_page->ring;
    uint64_t start = (uintptr_t)capos_start_page;
    CHECK_EQUAL(query(ring).kind, CAPOS_VIRTUAL_MEMORY_KIND_RING);
    CHECK_EQUAL(query(start).kind, CAPOS_VIRTUAL_MEMORY_KIND_START);
    CHECK(capos_virtual_memory_unmap(memory, ring, PAGE) < 0);
    CHECK(capos_virtual_memory_decommit(memory, ring, PAGE) < 0);
    CHECK(capos_virtual_memory_protect(memory, ring, PAGE, READ) < 0);
    CHECK(capos_virtual_memory_unmap(memory, ring - PAGE, 5 * PAGE) < 0);
    CHECK(capos_virtual_memory_protect(memory, start, PAGE, READ | WRITE) < 0);
    CHECK_RESULT(capos_nop(), CAPOS_OK);
}

int main(void) {
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    test_map();
    test_reserve();
    test_protect();
    test_execute();
    test_bad_ranges();
    test_pinned();
    return tap_finish();
}
