// grants: console,memory,system-info,entropy,park,shared-park

/* MemoryObject and ReadOnlyMemory within one process: every method, and its refusals. */
#include "tests/guest/tap.h"

#define PAGE ((uint64_t)CAPOS_PAGE_SIZE)
#define READ CAPOS_PROTECTION_READ
#define WRITE CAPOS_PROTECTION_WRITE
#define EXECUTE CAPOS_PROTECTION_EXECUTE
#define PRIVATE CAPOS_MAP_PRIVATE

static capos_cap_t memory;

static capos_cap_t create(uint64_t pages) {
    capos_cap_t object = CAPOS_CAP_NONE;
    int64_t result = capos_virtual_memory_create_object(memory, pages * PAGE, &object);
    return result == 0 ? object : CAPOS_CAP_NONE;
}

static uint64_t map(capos_cap_t object, uint64_t page, uint64_t pages, uint64_t flags) {
    uint64_t address = 0;
    int64_t result = capos_memory_object_map(object, 0, page * PAGE, pages * PAGE, READ | WRITE,
                                             flags, &address);
    return result == 0 ? address : 0;
}

static volatile uint64_t *word(uint64_t address, uint64_t page) {
    return (volatile uint64_t *)(uintptr_t)(address + page * PAGE);
}

static capos_cap_t clone_of(capos_cap_t object) {
    capos_cap_t clone = CAPOS_CAP_NONE;
    return capos_memory_object_clone(object, &clone) == 0 ? clone : CAPOS_CAP_NONE;
}

static void unmap(uint64_t address, uint64_t pages) {
    CHECK_RESULT(capos_virtual_memory_unmap(memory, address, pages * PAGE), CAPOS_OK);
}

static struct capos_virtual_memory_query_results query(uint64_t address) {
    struct capos_virtual_memory_query_results run = {.kind = 99};
    (void)capos_virtual_memory_query(memory, address, &run);
    return run;
}

static uint64_t free_bytes(void) {
    struct capos_system_info_get_results info = {0};
    capos_system_info_get(capos_lookup("system-info", 0), &info);
    return info.free_bytes;
}

/* The kernel writes there. */
static int64_t fill(uint64_t address, uint64_t bytes) {
    uint64_t count;
    return capos_entropy_source_fill(capos_lookup("entropy", 0), (void *)address, bytes, &count);
}

static void test_create(void) {
    capos_cap_t object = CAPOS_CAP_NONE;
    uint64_t size = 0;
    CHECK_RESULT(capos_virtual_memory_create_object(memory, 0, &object), CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_virtual_memory_create_object(memory, 100, &object),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(
        capos_virtual_memory_create_object(memory, CAPOS_MEMORY_OBJECT_BYTES_MAX + PAGE, &object),
        CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_virtual_memory_create_object(memory, CAPOS_MEMORY_OBJECT_BYTES_MAX, &object),
                 CAPOS_OK);
    CHECK_RESULT(capos_memory_object_size(object, &size), CAPOS_OK);
    CHECK_EQUAL(size, CAPOS_MEMORY_OBJECT_BYTES_MAX);

    /* the last page of the largest one */
    uint64_t address = map(object, CAPOS_MEMORY_OBJECT_BYTES_MAX / PAGE - 1, 1, 0);
    CHECK_EQUAL(*word(address, 0), 0);
    *word(address, 0) = 1;
    capos_cap_t clone = clone_of(object);
    uint64_t cloned = map(clone, CAPOS_MEMORY_OBJECT_BYTES_MAX / PAGE - 1, 1, 0);
    CHECK_EQUAL(*word(cloned, 0), 1);
    unmap(address, 1);
    unmap(cloned, 1);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
    CHECK_RESULT(capos_release(clone), CAPOS_OK);
    CHECK_RESULT(capos_memory_object_size(object, &size), CAPOS_E_BAD_CAPABILITY);
}

static void test_map(void) {
    capos_cap_t object = create(16);
    uint64_t first = map(object, 0, 16, 0), second = map(object, 4, 8, 0);
    CHECK(first != 0 && second != 0 && first != second);
    bool is_zero = true;
    for (uint64_t page = 0; page < 16; page++) {
        is_zero &= *word(first, page) == 0;
        *word(first, page) = page + 1;
    }
    CHECK(is_zero);
    CHECK(*word(second, 0) == 5 && *word(second, 7) == 12);
    *word(second, 3) = 99;
    CHECK_EQUAL(*word(first, 7), 99);

    CHECK_EQUAL(query(first).kind, CAPOS_VIRTUAL_MEMORY_KIND_OBJECT);
    CHECK_EQUAL(query(first).size, 16 * PAGE);
    CHECK_EQUAL(query(first).protection, READ | WRITE);

    uint64_t chosen = first + 64 * PAGE, address;
    CHECK_RESULT(capos_memory_object_map(object, chosen, 15 * PAGE, PAGE, READ, 0, &address),
                 CAPOS_OK);
    CHECK_EQUAL(address, chosen);
    CHECK_EQUAL(*word(chosen, 0), 16);
    CHECK_RESULT(capos_memory_object_map(object, chosen, 0, PAGE, READ, 0, &address),
                 CAPOS_E_EXISTS);
    unmap(first, 16);
    unmap(second, 8);
    unmap(chosen, 1);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
}

static void test_refusals(void) {
    capos_cap_t object = create(4);
    uint64_t address;
    CHECK_RESULT(capos_memory_object_map(object, 0, 0, 5 * PAGE, READ, 0, &address),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_memory_object_map(object, 0, 4 * PAGE, PAGE, READ, 0, &address),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_memory_object_map(object, 0, 5 * PAGE, PAGE, READ, 0, &address),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_memory_object_map(object, 0, 100, PAGE, READ, 0, &address),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_memory_object_map(object, 0, UINT64_MAX - PAGE + 1, PAGE, READ, 0, &address),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_memory_object_map(object, 0, 0, 0, READ, 0, &address),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_memory_object_map(object, 100, 0, PAGE, READ, 0, &address),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_memory_object_map(object, 0, 0, PAGE, WRITE, 0, &address),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_memory_object_map(object, 0, 0, PAGE, READ | WRITE | EXECUTE, 0, &address),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_memory_object_map(object, 0, 0, PAGE, UINT64_C(1) << 32, 0, &address),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_memory_object_map(object, 0, 0, PAGE, READ, 2, &address),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK(capos_memory_object_map(object, UINT64_C(0xffffffff80000000), 0, PAGE, READ, 0,
                                  &address) < 0);

    /* what is the VirtualMemory's alone */
    address = map(object, 0, 4, 0);
    CHECK_RESULT(capos_virtual_memory_decommit(memory, address, PAGE), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_virtual_memory_commit(memory, address, PAGE, READ), CAPOS_E_BAD_ADDRESS);
    unmap(address, 4);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
}

/* By the object and by VirtualMemory, in parts of 4 KiB; each part that is left goes on. */
static void test_unmap(void) {
    capos_cap_t object = create(8), other = create(8);
    uint64_t address = map(object, 0, 8, 0), strange = map(other, 0, 8, 0);
    for (uint64_t page = 0; page < 8; page++) {
        *word(address, page) = page;
    }
    CHECK_RESULT(capos_memory_object_unmap(object, strange, PAGE), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_memory_object_unmap(object, address, 9 * PAGE), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_memory_object_unmap(object, address + 1, PAGE), CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_memory_object_unmap(object, address + 2 * PAGE, PAGE), CAPOS_OK);
    CHECK_RESULT(capos_memory_object_unmap(object, address + 2 * PAGE, PAGE), CAPOS_E_BAD_ADDRESS);
    CHECK_EQUAL(query(address).size, 2 * PAGE);
    CHECK_EQUAL(query(address + 2 * PAGE).kind, CAPOS_VIRTUAL_MEMORY_KIND_FREE);
    unmap(address + 5 * PAGE, 1);
    CHECK(*word(address, 1) == 1 && *word(address, 3) == 3 && *word(address, 7) == 7);

    /* the other object, in the hole, is not this one's to unmap */
    uint64_t at;
    CHECK_RESULT(capos_memory_object_map(other, address + 2 * PAGE, 0, PAGE, READ | WRITE, 0, &at),
                 CAPOS_OK);
    CHECK_RESULT(capos_memory_object_unmap(object, address, 5 * PAGE), CAPOS_E_BAD_ADDRESS);
    unmap(address, 8);
    unmap(strange, 8);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
    CHECK_RESULT(capos_release(other), CAPOS_OK);
}

/* A capability and a mapping each keep it; with the last of them goes all of its memory. */
static void test_lifetime(void) {
    uint64_t before = 0, address = 0;
    for (int turn = 0; turn < 2; turn++) { /* the first leaves nodes and tables that we keep */
        before = free_bytes();
        capos_cap_t object = create(100);
        address = map(object, 0, 100, 0);
        for (uint64_t page = 0; page < 100; page++) {
            *word(address, page) = page;
        }
        CHECK_RESULT(capos_release(object), CAPOS_OK);
        CHECK_EQUAL(*word(address, 50), 50);
        CHECK(free_bytes() + 100 * PAGE <= before);
        unmap(address, 99);
        CHECK_EQUAL(*word(address, 99), 99);
        CHECK(free_bytes() + 100 * PAGE <= before);
        unmap(address + 99 * PAGE, 1);
    }
    CHECK_EQUAL(free_bytes(), before);

    capos_cap_t object = create(100);
    address = map(object, 0, 100, 0);
    *word(address, 3) = 33;
    unmap(address, 100);
    address = map(object, 3, 1, 0);
    CHECK_EQUAL(*word(address, 0), 33);
    unmap(address, 1);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
    CHECK_EQUAL(free_bytes(), before);
}

static void test_protect(void) {
    capos_cap_t object = create(3), read_only = CAPOS_CAP_NONE;
    uint64_t address = map(object, 0, 3, 0), shown = 0, size = 0;
    *word(address, 1) = 7;
    CHECK_RESULT(capos_virtual_memory_protect(memory, address + PAGE, PAGE, READ), CAPOS_OK);
    CHECK_EQUAL(query(address + PAGE).size, PAGE);
    CHECK_EQUAL(*word(address, 1), 7);
    CHECK_RESULT(capos_virtual_memory_protect(memory, address, 3 * PAGE, CAPOS_PROTECTION_NONE),
                 CAPOS_OK);
    CHECK_RESULT(capos_virtual_memory_protect(memory, address, 3 * PAGE, READ | WRITE), CAPOS_OK);
    *word(address, 1) += 1;
    CHECK_EQUAL(*word(address, 1), 8);

    CHECK_RESULT(capos_memory_object_read_only(object, &read_only), CAPOS_OK);
    CHECK_RESULT(capos_read_only_memory_size(read_only, &size), CAPOS_OK);
    CHECK_EQUAL(size, 3 * PAGE);
    CHECK_RESULT(capos_read_only_memory_map(read_only, 0, 0, 3 * PAGE, READ | WRITE, 0, &shown),
                 CAPOS_E_NOT_PERMITTED);
    CHECK_RESULT(capos_read_only_memory_map(read_only, 0, 0, 3 * PAGE, READ, 0, &shown), CAPOS_OK);
    CHECK_EQUAL(*word(shown, 1), 8);
    CHECK_RESULT(capos_virtual_memory_protect(memory, shown, PAGE, READ | WRITE),
                 CAPOS_E_NOT_PERMITTED);
    CHECK_RESULT(capos_virtual_memory_protect(memory, shown, 3 * PAGE, READ | EXECUTE), CAPOS_OK);
    CHECK_RESULT(capos_virtual_memory_protect(memory, shown, 3 * PAGE, READ), CAPOS_OK);
    *word(address, 1) = 9;
    CHECK_EQUAL(*word(shown, 1), 9);

    /* neither can the kernel be made to write there */
    CHECK_RESULT(fill(shown, 8), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_read_only_memory_unmap(read_only, shown, 3 * PAGE), CAPOS_OK);
    unmap(address, 3);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
    CHECK_RESULT(capos_release(read_only), CAPOS_OK);
}

/* mov eax, 42; ret: written through one mapping, run through another. */
static void test_execute(void) {
    static const uint8_t code[] = {0xb8, 42, 0, 0, 0, 0xc3};
    capos_cap_t object = create(1);
    uint64_t written = map(object, 0, 1, 0), run;
    memcpy((void *)written, code, sizeof code);
    CHECK_RESULT(capos_memory_object_map(object, 0, 0, PAGE, READ | EXECUTE, 0, &run), CAPOS_OK);
    int (*function)(void) = (int (*)(void))run;
    CHECK_EQUAL(function(), 42);
    unmap(written, 1);
    unmap(run, 1);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
}

/* Whoever of the two writes first: the other one keeps what it had. All mappings of one show the
 * same, also those that were there before. */
static void test_clone(void) {
    capos_cap_t object = create(600);
    uint64_t address = map(object, 0, 600, 0), again = map(object, 0, 600, 0);
    for (uint64_t page = 0; page < 600; page += 2) {
        *word(address, page) = page;
        *word(again, page) += 0;
    }
    uint64_t before = free_bytes();
    capos_cap_t clone = clone_of(object);
    uint64_t cloned = map(clone, 0, 600, 0);
    bool is_same = true;
    for (uint64_t page = 0; page < 600; page++) {
        is_same &= *word(cloned, page) == (page % 2 == 0 ? page : 0);
    }
    CHECK(is_same);
    /* but for the pages that were not there: nodes, tables, and what was read as zero */
    CHECK(before - free_bytes() < (300 + 16) * PAGE);

    *word(address, 100) = 1; /* the source writes */
    CHECK(*word(address, 100) == 1 && *word(again, 100) == 1 && *word(cloned, 100) == 100);
    *word(again, 100) = 2;
    CHECK(*word(address, 100) == 2 && *word(again, 100) == 2 && *word(cloned, 100) == 100);
    CHECK_RESULT(capos_virtual_memory_protect(memory, address, 600 * PAGE, READ), CAPOS_OK);
    CHECK_RESULT(capos_virtual_memory_protect(memory, address, 600 * PAGE, READ | WRITE), CAPOS_OK);
    *word(address, 106) = 3; /* a protection does not make it anybody's own */
    CHECK(*word(again, 106) == 3 && *word(cloned, 106) == 106);
    *word(again, 108) = 3; /* nor does it bring a page back that has moved */
    CHECK_RESULT(capos_virtual_memory_protect(memory, address, 600 * PAGE, CAPOS_PROTECTION_NONE),
                 CAPOS_OK);
    CHECK_RESULT(capos_virtual_memory_protect(memory, address, 600 * PAGE, READ | WRITE), CAPOS_OK);
    CHECK(*word(address, 108) == 3 && *word(cloned, 108) == 108);
    *word(cloned, 102) = 3; /* the clone does */
    CHECK(*word(address, 102) == 102 && *word(again, 102) == 102 && *word(cloned, 102) == 3);
    *word(address, 102) = 4;
    CHECK(*word(again, 102) == 4 && *word(cloned, 102) == 3);
    CHECK(*word(again, 1) == 0 && *word(cloned, 1) == 0);
    *word(again, 1) = 5; /* a page that neither had */
    CHECK(*word(address, 1) == 5 && *word(cloned, 1) == 0);

    unmap(address, 600);
    unmap(again, 600);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
    CHECK(*word(cloned, 100) == 100 && *word(cloned, 104) == 104);
    *word(cloned, 104) = 6; /* its own alone by now */
    CHECK_EQUAL(*word(cloned, 104), 6);
    unmap(cloned, 600);
    CHECK_RESULT(capos_release(clone), CAPOS_OK);
}

static void test_clone_of_clone(void) {
    enum { GENERATIONS = 8 };
    uint64_t before = 0;
    for (int turn = 0; turn < 2; turn++) {
        before = free_bytes();
        capos_cap_t objects[GENERATIONS] = {create(4)};
        uint64_t addresses[GENERATIONS] = {map(objects[0], 0, 4, 0)};
        bool is_right = true;
        for (uint64_t page = 0; page < 4; page++) {
            *word(addresses[0], page) = 1000 + page;
        }
        for (uint64_t i = 1; i < GENERATIONS; i++) {
            *word(addresses[i - 1], 0) = i; /* before and after */
            objects[i] = clone_of(objects[i - 1]);
            addresses[i] = map(objects[i], 0, 4, 0);
            *word(addresses[i - 1], 1) = 2 * i;
        }
        for (uint64_t i = 0; i < GENERATIONS; i++) {
            is_right &= *word(addresses[i], 0) == (i + 1 < GENERATIONS ? i + 1 : i);
            is_right &= *word(addresses[i], 1) == (i + 1 < GENERATIONS ? 2 * (i + 1) : 1001);
            is_right &= *word(addresses[i], 2) == 1002;
        }
        CHECK(is_right);
        for (uint64_t i = 0; i < GENERATIONS; i++) { /* in no particular order */
            uint64_t each = i * 5 % GENERATIONS;
            CHECK_RESULT(capos_release(objects[each]), CAPOS_OK);
            CHECK_RESULT(capos_virtual_memory_unmap(memory, addresses[each], 4 * PAGE), CAPOS_OK);
        }
    }
    CHECK_EQUAL(free_bytes(), before);
}

static void test_private(void) {
    capos_cap_t object = create(4), read_only = CAPOS_CAP_NONE;
    uint64_t shared = map(object, 0, 4, 0), own = map(object, 0, 4, PRIVATE), shown = 0;
    *word(shared, 0) = 1;
    CHECK_EQUAL(*word(own, 0), 1);
    *word(shared, 0) = 2; /* is seen as long as the page was not written */
    CHECK_EQUAL(*word(own, 0), 2);
    *word(own, 0) = 3;
    *word(own, 1) = 4; /* without a look at it before */
    CHECK(*word(shared, 0) == 2 && *word(shared, 1) == 0);
    *word(shared, 0) = 5;
    CHECK(*word(own, 0) == 3 && *word(own, 1) == 4);
    CHECK_RESULT(capos_virtual_memory_protect(memory, own, PAGE, READ), CAPOS_OK);
    CHECK_EQUAL(*word(own, 0), 3);
    CHECK_RESULT(capos_virtual_memory_protect(memory, own, PAGE, READ | WRITE), CAPOS_OK);
    *word(own, 0) += 1;
    CHECK_EQUAL(*word(own, 0), 4);
    CHECK_RESULT(capos_virtual_memory_decommit(memory, own, PAGE), CAPOS_E_BAD_ADDRESS);

    /* what is read-only may be written so */
    CHECK_RESULT(capos_memory_object_read_only(object, &read_only), CAPOS_OK);
    CHECK_RESULT(
        capos_read_only_memory_map(read_only, 0, PAGE, PAGE, READ | WRITE, PRIVATE, &shown),
        CAPOS_OK);
    *word(shown, 0) = 6;
    CHECK(*word(shared, 1) == 0 && *word(own, 1) == 4 && *word(shown, 0) == 6);

    /* a private mapping reads what its object has, not what a clone of it has meanwhile */
    *word(shared, 2) = 7;
    CHECK_EQUAL(*word(own, 2), 7);
    capos_cap_t clone = clone_of(object);
    uint64_t cloned = map(clone, 0, 4, 0);
    *word(shared, 2) = 8;
    *word(cloned, 2) = 9;
    CHECK_EQUAL(*word(own, 2), 8);
    *word(own, 2) = 10;
    CHECK(*word(shared, 2) == 8 && *word(cloned, 2) == 9 && *word(own, 2) == 10);
    unmap(shared, 4);
    unmap(own, 4);
    unmap(shown, 1);
    unmap(cloned, 4);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
    CHECK_RESULT(capos_release(clone), CAPOS_OK);
    CHECK_RESULT(capos_release(read_only), CAPOS_OK);
}

/* The kernel's own writes copy before they write, too. */
static void test_kernel_copies(void) {
    capos_cap_t object = create(2);
    uint64_t address = map(object, 0, 2, 0);
    capos_cap_t clone = clone_of(object);
    *word(address, 0) = 0;
    capos_cap_t second = clone_of(object);
    uint64_t cloned = map(second, 0, 2, 0), own = map(object, 0, 2, PRIVATE);
    CHECK_RESULT(fill(cloned, 8), CAPOS_OK);
    CHECK(*word(cloned, 0) != 0 && *word(address, 0) == 0 && *word(own, 0) == 0);
    CHECK_RESULT(fill(own, 8), CAPOS_OK);
    CHECK(*word(own, 0) != 0 && *word(own, 0) != *word(cloned, 0) && *word(address, 0) == 0);

    /* across two pages, of which one has been written */
    capos_cap_t third = clone_of(second);
    uint64_t copied = map(third, 0, 2, 0);
    *word(copied, 1) = 0;
    CHECK_RESULT(fill(copied + PAGE - 8, 16), CAPOS_OK);
    CHECK(*word(copied + PAGE - 8, 0) != 0 && *word(copied, 1) != 0);
    CHECK(*word(cloned + PAGE - 8, 0) == 0 && *word(cloned, 1) == 0);
    unmap(address, 2);
    unmap(cloned, 2);
    unmap(own, 2);
    unmap(copied, 2);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
    CHECK_RESULT(capos_release(clone), CAPOS_OK);
    CHECK_RESULT(capos_release(second), CAPOS_OK);
    CHECK_RESULT(capos_release(third), CAPOS_OK);
}

/* PARK whose deadline has passed: timedOut when the word holds what was expected. */
static int64_t poll_word(uint64_t address, uint64_t expected) {
    uint64_t control = CAPOS_ENTER_REGISTER | (uint64_t)CAPOS_OP_PARK << CAPOS_ENTER_OPCODE_SHIFT;
    return capos_invoke(control, capos_lookup("park", 0), address, expected, 0, CAPOS_POLL).result;
}

static void begin_park(struct capos_ring_client *ring, const char *space, uint64_t address,
                       uint64_t expected) {
    struct capos_entry *entry = capos_ring_prepare(ring);
    entry->opcode = CAPOS_OP_PARK;
    entry->capability = capos_lookup(space, 0);
    entry->argument[0] = address;
    entry->argument[1] = expected;
    CHECK_EQUAL(capos_ring_enter(ring, 0, CAPOS_POLL), 0);
}

static int64_t end_park(struct capos_ring_client *ring) {
    struct capos_completion completion = {.result = 1};
    (void)capos_ring_enter(ring, 1, CAPOS_FOREVER);
    (void)capos_ring_take(ring, &completion);
    return completion.result;
}

/* A page that gets another frame is still the same memory to those who wait on it; one that is
 * taken away is not. */
static void test_park(void) {
    struct capos_ring_client ring;
    capos_ring_open(&ring);
    capos_cap_t object = create(2);
    uint64_t shared = map(object, 0, 2, 0), own = map(object, 0, 2, PRIVATE);
    uint64_t control = CAPOS_ENTER_REGISTER | (uint64_t)CAPOS_OP_UNPARK << CAPOS_ENTER_OPCODE_SHIFT;
    CHECK_RESULT(poll_word(own, 1), CAPOS_E_VALUE_CHANGED);
    begin_park(&ring, "park", own, 0);
    *word(own, 0) = 7;
    CHECK_RESULT(poll_word(own, 7), CAPOS_E_TIMED_OUT);
    CHECK_EQUAL(capos_invoke(control, capos_lookup("park", 0), own, 1, 0, CAPOS_FOREVER).aux, 1);
    CHECK_RESULT(end_park(&ring), CAPOS_OK);

    CHECK_RESULT(poll_word(shared, 1), CAPOS_E_VALUE_CHANGED);
    capos_cap_t clone = clone_of(object);
    begin_park(&ring, "shared-park", shared, 0);
    uint64_t again = map(object, 0, 1, 0);
    *word(again, 0) = 8;
    CHECK_RESULT(poll_word(shared, 8), CAPOS_E_TIMED_OUT);
    capos_cap_t park = capos_lookup("shared-park", 0);
    CHECK_EQUAL(capos_invoke(control, park, again, 1, 0, CAPOS_FOREVER).aux, 1);
    CHECK_RESULT(end_park(&ring), CAPOS_OK);

    begin_park(&ring, "shared-park", shared, 8);
    unmap(again, 1);
    CHECK_EQUAL(capos_ring_enter(&ring, 0, CAPOS_POLL), 0); /* not where it waits */
    CHECK_RESULT(capos_memory_object_unmap(object, shared, PAGE), CAPOS_OK);
    CHECK_RESULT(end_park(&ring), CAPOS_E_MEMORY_GONE);
    begin_park(&ring, "shared-park", shared + PAGE, 0);
    CHECK_RESULT(capos_virtual_memory_protect(memory, shared + PAGE, PAGE, CAPOS_PROTECTION_NONE),
                 CAPOS_OK);
    CHECK_RESULT(end_park(&ring), CAPOS_E_MEMORY_GONE);
    begin_park(&ring, "park", own, 7);
    unmap(own, 2);
    CHECK_RESULT(end_park(&ring), CAPOS_E_MEMORY_GONE);
    unmap(shared, 2);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
    CHECK_RESULT(capos_release(clone), CAPOS_OK);
}

/* As many mappings as an object may have, and not one more. */
static void test_mappings_max(void) {
    capos_cap_t object = create(2);
    uint64_t address = 0, first = map(object, 0, 2, 0), mapped = 1;
    *word(first, 1) = 1;
    while (mapped < CAPOS_MEMORY_OBJECT_MAPPINGS_MAX && map(object, 1, 1, 0) != 0) {
        mapped++;
    }
    CHECK_EQUAL(mapped, CAPOS_MEMORY_OBJECT_MAPPINGS_MAX);
    CHECK_RESULT(capos_memory_object_map(object, 0, 0, PAGE, READ, 0, &address), CAPOS_E_TOO_LARGE);
    unmap(first, 1);
    CHECK_RESULT(capos_memory_object_map(object, 0, 0, PAGE, READ, 0, &address), CAPOS_E_TOO_LARGE);
    unmap(first + PAGE, 1);
    CHECK_RESULT(capos_memory_object_map(object, 0, PAGE, PAGE, READ, 0, &address), CAPOS_OK);
    CHECK_EQUAL(*word(address, 0), 1);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
}

int main(void) {
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    test_create();
    test_map();
    test_refusals();
    test_unmap();
    test_lifetime();
    test_protect();
    test_execute();
    test_clone();
    test_clone_of_clone();
    test_private();
    test_kernel_copies();
    test_park();
    test_mappings_max();
    return tap_finish();
}
