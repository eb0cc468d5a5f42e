// grants: console,memory,system-info
// cpus: any

/* Large pages: where they are used, what takes them apart, and that neither needs memory that is
 * not there. */
#include "tests/guest/tap.h"

#define PAGE ((uint64_t)CAPOS_PAGE_SIZE)
#define LARGE_PAGE (512 * PAGE)
#define READ CAPOS_PROTECTION_READ
#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)
#define LARGE CAPOS_PROTECTION_LARGE
#define REGION UINT64_C(0x500000000)

static capos_cap_t memory;

static volatile uint64_t *word_at(uint64_t address) {
    return (volatile uint64_t *)address;
}

static struct capos_virtual_memory_query_results query(uint64_t address) {
    struct capos_virtual_memory_query_results run = {.kind = 99};
    (void)capos_virtual_memory_query(memory, address, &run);
    return run;
}

static uint64_t map(uint64_t size, uint32_t protection) {
    uint64_t address = 0;
    int64_t result = capos_virtual_memory_map(memory, REGION, size, protection, &address);
    return result == CAPOS_OK ? address : 0;
}

static void unmap(uint64_t address, uint64_t size) {
    CHECK_RESULT(capos_virtual_memory_unmap(memory, address, size), CAPOS_OK);
    CHECK_EQUAL(query(address).kind, CAPOS_VIRTUAL_MEMORY_KIND_FREE);
}

static void fill(uint64_t address, uint64_t size) {
    for (uint64_t offset = 0; offset < size; offset += PAGE) {
        *word_at(address + offset) = offset + 1;
    }
}

/* What fill has left, but for [hole, hole + hole_size), which reads zero. */
static bool is_filled(uint64_t address, uint64_t size, uint64_t hole, uint64_t hole_size) {
    bool is_right = true;
    for (uint64_t offset = 0; offset < size; offset += PAGE) {
        uint64_t at = address + offset;
        bool is_hole = at >= hole && at < hole + hole_size;
        is_right &= *word_at(at) == (is_hole ? 0 : offset + 1);
    }
    return is_right;
}

static void test_first_touch(void) {
    uint64_t address = 0;
    CHECK_RESULT(capos_virtual_memory_map(memory, 0, 2 * LARGE_PAGE, READ_WRITE | LARGE, &address),
                 CAPOS_OK);
    CHECK_EQUAL(address % LARGE_PAGE, 0);
    CHECK_EQUAL(query(address).resident_pages, 0);
    CHECK_EQUAL(*word_at(address + LARGE_PAGE + 5 * PAGE), 0);
    CHECK_EQUAL(query(address).resident_pages, 512);
    CHECK_EQUAL(query(address + LARGE_PAGE).page_size, LARGE_PAGE);
    CHECK_EQUAL(query(address).page_size, PAGE);
    bool is_zero = true;
    for (uint64_t offset = 0; offset < LARGE_PAGE; offset += sizeof(uint64_t)) {
        is_zero &= *word_at(address + LARGE_PAGE + offset) == 0;
    }
    CHECK(is_zero);
    unmap(address, 2 * LARGE_PAGE);
}

static void test_asked_for(void) {
    uint64_t address = map(LARGE_PAGE, READ_WRITE);
    *word_at(address) = 1;
    CHECK_EQUAL(query(address).resident_pages, 1);
    CHECK_EQUAL(query(address).page_size, PAGE);
    unmap(address, LARGE_PAGE);

    address = map(LARGE_PAGE, READ_WRITE | LARGE);
    CHECK_EQUAL(query(address).protection, READ_WRITE | LARGE);
    CHECK_RESULT(capos_virtual_memory_protect(memory, address, LARGE_PAGE, READ_WRITE), CAPOS_OK);
    *word_at(address) = 1;
    CHECK_EQUAL(query(address).page_size, PAGE);
    unmap(address, LARGE_PAGE);
}

/* Only what is whole: ends that are not aligned have small pages. Two mappings together may be. */
static void test_where_they_fit(void) {
    uint64_t address;
    CHECK_RESULT(capos_virtual_memory_reserve(memory, REGION, 4 * LARGE_PAGE, &address), CAPOS_OK);
    CHECK_RESULT(
        capos_virtual_memory_commit(memory, REGION + PAGE, 3 * LARGE_PAGE, READ_WRITE | LARGE),
        CAPOS_OK);
    fill(REGION + PAGE, 3 * LARGE_PAGE);
    CHECK_EQUAL(query(REGION + PAGE).page_size, PAGE);
    CHECK_EQUAL(query(REGION + LARGE_PAGE).page_size, LARGE_PAGE);
    CHECK_EQUAL(query(REGION + 2 * LARGE_PAGE).page_size, LARGE_PAGE);
    CHECK_EQUAL(query(REGION + 3 * LARGE_PAGE).page_size, PAGE);
    CHECK(is_filled(REGION + PAGE, 3 * LARGE_PAGE, 0, 0));
    unmap(REGION, 4 * LARGE_PAGE);

    CHECK_RESULT(capos_virtual_memory_map(memory, REGION, 3 * PAGE, READ_WRITE | LARGE, &address),
                 CAPOS_OK);
    CHECK_RESULT(capos_virtual_memory_map(memory, REGION + 3 * PAGE, LARGE_PAGE, READ_WRITE | LARGE,
                                          &address),
                 CAPOS_OK);
    *word_at(REGION + PAGE) = 1;
    CHECK_EQUAL(query(REGION).page_size, LARGE_PAGE);
    unmap(REGION, 3 * PAGE);
    CHECK_EQUAL(query(REGION + 3 * PAGE).resident_pages, 509);
    unmap(REGION, 2 * LARGE_PAGE);
}

static void test_protect(void) {
    uint64_t address = map(LARGE_PAGE, READ_WRITE | LARGE);
    fill(address, LARGE_PAGE);
    CHECK_RESULT(capos_virtual_memory_protect(memory, address, LARGE_PAGE, LARGE), CAPOS_OK);
    CHECK_EQUAL(query(address).page_size, LARGE_PAGE);
    CHECK_RESULT(capos_virtual_memory_protect(memory, address, LARGE_PAGE, READ_WRITE | LARGE),
                 CAPOS_OK);
    CHECK_EQUAL(query(address).page_size, LARGE_PAGE);
    CHECK(is_filled(address, LARGE_PAGE, 0, 0));
    CHECK_RESULT(capos_virtual_memory_protect(memory, address + 7 * PAGE, PAGE, READ), CAPOS_OK);
    CHECK_EQUAL(query(address).page_size, PAGE);
    CHECK_EQUAL(query(address + 8 * PAGE).resident_pages, 504);
    CHECK(is_filled(address, LARGE_PAGE, 0, 0));
    *word_at(address + 6 * PAGE) = 0;
    *word_at(address + 8 * PAGE) = 0;
    unmap(address, LARGE_PAGE);
}

/* mov eax, 42; ret. Code has small pages. */
static void test_execute(void) {
    static const uint8_t code[] = {0xb8, 42, 0, 0, 0, 0xc3};
    uint64_t address = map(LARGE_PAGE, READ_WRITE | LARGE);
    memcpy((void *)(address + LARGE_PAGE / 2), code, sizeof code);
    CHECK_EQUAL(query(address).page_size, LARGE_PAGE);
    CHECK_RESULT(capos_virtual_memory_protect(memory, address, LARGE_PAGE,
                                              READ | CAPOS_PROTECTION_EXECUTE | LARGE),
                 CAPOS_OK);
    CHECK_EQUAL(query(address).page_size, PAGE);
    int (*function)(void) = (int (*)(void))(address + LARGE_PAGE / 2);
    CHECK_EQUAL(function(), 42);
    unmap(address, LARGE_PAGE);
}

static void test_take_apart(void) {
    uint64_t address = map(LARGE_PAGE, READ_WRITE | LARGE);
    fill(address, LARGE_PAGE);
    CHECK_RESULT(capos_virtual_memory_decommit(memory, address + 100 * PAGE, 3 * PAGE), CAPOS_OK);
    CHECK_EQUAL(query(address).resident_pages, 509);
    CHECK(is_filled(address, LARGE_PAGE, address + 100 * PAGE, 3 * PAGE));
    CHECK_RESULT(capos_virtual_memory_decommit(memory, address, LARGE_PAGE), CAPOS_OK);
    CHECK_EQUAL(query(address).resident_pages, 0);
    fill(address, LARGE_PAGE);
    CHECK_EQUAL(query(address).page_size, LARGE_PAGE);
    unmap(address, PAGE);
    unmap(address + 511 * PAGE, PAGE);
    CHECK_EQUAL(query(address + PAGE).size, 510 * PAGE);
    CHECK_EQUAL(query(address + PAGE).resident_pages, 510);
    bool is_kept = true;
    for (uint64_t page = 1; page < 511; page++) {
        is_kept &= *word_at(address + page * PAGE) == page * PAGE + 1;
    }
    CHECK(is_kept);
    unmap(address, LARGE_PAGE);
}

static uint64_t free_bytes(void) {
    struct capos_system_info_get_results info = {0};
    capos_system_info_get(capos_lookup("system-info", CAPOS_SYSTEM_INFO_INTERFACE), &info);
    return info.free_bytes;
}

/* The machine's memory, all but a bit, first by large pages, then by what is left. With nothing
 * left they are taken apart all the same. */
static void test_memory_runs_out(void) {
    uint64_t before = free_bytes(), size = before / LARGE_PAGE * LARGE_PAGE, touched = 0, small = 0;
    uint64_t address = map(size, READ_WRITE | LARGE);
    for (; free_bytes() > 32 * PAGE && touched < size; touched += PAGE) {
        *word_at(address + touched) = touched + 1;
        small += query(address + touched).page_size == PAGE;
    }
    CHECK(small > 0 && small < touched / PAGE);
    CHECK(is_filled(address, touched, 0, 0));
    bool is_right = true;
    for (uint64_t block = 0; block + LARGE_PAGE <= touched; block += LARGE_PAGE) {
        is_right &=
            capos_virtual_memory_protect(memory, address + block + PAGE, PAGE, READ) == CAPOS_OK;
        is_right &= query(address + block).page_size == PAGE;
    }
    CHECK(is_right);
    CHECK(is_filled(address, touched, 0, 0));
    unmap(address, size);
    CHECK(free_bytes() + 4 * PAGE >= before);
    address = map(size, READ_WRITE | LARGE);
    *word_at(address) = 1;
    CHECK_EQUAL(query(address).page_size, LARGE_PAGE);
    unmap(address, size);
}

int main(void) {
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    test_first_touch();
    test_asked_for();
    test_where_they_fit();
    test_protect();
    test_execute();
    test_take_apart();
    test_memory_runs_out();
    return tap_finish();
}
