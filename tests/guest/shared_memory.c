// grants: console,memory,spawner,system-info,entropy,shared-park
// options: --memory 32M

/*
 * Memory objects between processes: how they are handed on, who sees whose writes, who pays, and
 * what happens at limits and ends. The children are this program again.
 */
#include "tests/guest/child.h"
#include "tests/guest/tap.h"

#define PAGE ((uint64_t)CAPOS_PAGE_SIZE)
#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)
#define PAGES 64u
#define ELSEWHERE UINT64_C(0x700000000)

static struct capos_ring_client ring;

static capos_cap_t named(const char *name) {
    return capos_lookup(name, 0);
}

static capos_cap_t create(uint64_t pages) {
    capos_cap_t object = CAPOS_CAP_NONE;
    (void)capos_virtual_memory_create_object(named("memory"), pages * PAGE, &object);
    return object;
}

static uint64_t map_at(capos_cap_t object, uint64_t hint, uint64_t pages, uint64_t flags) {
    uint64_t address = 0;
    int64_t result =
        capos_memory_object_map(object, hint, 0, pages * PAGE, READ_WRITE, flags, &address);
    return result == CAPOS_OK ? address : 0;
}

static uint64_t map(capos_cap_t object, uint64_t pages) {
    return map_at(object, 0, pages, 0);
}

static volatile uint64_t *word(uint64_t address, uint64_t page) {
    return (volatile uint64_t *)(uintptr_t)(address + page * PAGE);
}

static uint64_t free_bytes(void) {
    struct capos_system_info_get_results info = {0};
    capos_system_info_get(named("system-info"), &info);
    return info.free_bytes;
}

/* A word of a shared page by which parent and child wait for each other: it grows. */
static void await(const volatile uint64_t *shared, uint64_t value) {
    while (*shared < value) {
        (void)capos_ring_enter(&ring, CAPOS_RING_COMPLETIONS, CAPOS_POLL);
    }
}

static int64_t fill(uint64_t address, uint64_t bytes) {
    uint64_t count;
    return capos_entropy_source_fill(named("entropy"), (void *)address, bytes, &count);
}

/* The children. */

/* Without any other authority: neither memory nor console. */
static int play_answerer(void) {
    capos_cap_t object = capos_lookup("object", CAPOS_MEMORY_OBJECT_INTERFACE);
    uint64_t address = map_at(object, ELSEWHERE, PAGES, 0);
    if (address != ELSEWHERE || capos_start_page->capset_count != 1) {
        return 1;
    }
    for (uint64_t page = 1; page < PAGES; page++) {
        if (*word(address, page) != page) {
            return 2;
        }
        *word(address, page) = 2 * page;
    }
    *word(address, 0) = 1;
    await(word(address, 0), 2);
    bool is_right = *word(address, 5) == 55;
    return is_right && capos_memory_object_unmap(object, address, PAGES * PAGE) == 0 ? 0 : 3;
}

/* Was given the object and not told whether others have it. */
static int play_keeper(void) {
    capos_cap_t object = capos_lookup("object", CAPOS_MEMORY_OBJECT_INTERFACE);
    uint64_t address = map(object, PAGES);
    for (uint64_t page = 0; page < PAGES; page++) {
        if (*word(address, page) != page + 1) {
            return 1;
        }
    }
    return capos_release(object) == CAPOS_OK && *word(address, 3) == 4 ? 0 : 2;
}

static int play_reader(void) {
    capos_cap_t memory = capos_lookup("object", CAPOS_READ_ONLY_MEMORY_INTERFACE);
    capos_cap_t clone = CAPOS_CAP_NONE;
    uint64_t address = 0;
    if (capos_lookup("object", CAPOS_MEMORY_OBJECT_INTERFACE) != CAPOS_CAP_NONE ||
        capos_memory_object_map(memory, 0, 0, PAGE, READ_WRITE, 0, &address) !=
            CAPOS_E_NOT_PERMITTED ||
        capos_read_only_memory_map(memory, 0, 0, PAGES * PAGE, CAPOS_PROTECTION_READ, 0,
                                   &address) != CAPOS_OK) {
        return 1;
    }
    if (capos_read_only_memory_clone(memory, &clone) != CAPOS_OK) {
        return 2;
    }
    uint64_t cloned = map(clone, PAGES);
    *word(cloned, 3) += 1;
    if (*word(cloned, 3) != 5 || *word(address, 3) != 4) {
        return 3;
    }
    *word(address, 3) = 0; /* ends us */
    return 4;
}

/* Writes all of a clone that its parent has mapped too, who writes as well. */
static int play_writer(void) {
    uint64_t cloned = map(capos_lookup("clone", CAPOS_MEMORY_OBJECT_INTERFACE), PAGES);
    uint64_t shared = map(capos_lookup("object", CAPOS_MEMORY_OBJECT_INTERFACE), PAGES);
    for (uint64_t page = 1; page < PAGES; page++) {
        if (*word(cloned, page) != page) {
            return 1;
        }
    }
    *word(shared, 0) = 1;
    for (uint64_t page = PAGES - 1; page > 0; page--) {
        *word(cloned, page) = 1000 + page;
    }
    *word(shared, 0) = 2;
    await(word(shared, 0), 3);
    return *word(cloned, 2) == 1002 && *word(shared, 2) == 2002 ? 0 : 2;
}

/* Touches more than its ledger allows, of an object of its own, or of its parent's. */
static int play_toucher(void) {
    capos_cap_t object = capos_lookup("object", CAPOS_MEMORY_OBJECT_INTERFACE);
    if (object == CAPOS_CAP_NONE) {
        object = create(2 * PAGES);
    }
    uint64_t address = map(object, 2 * PAGES);
    for (uint64_t page = 0; page < 2 * PAGES; page++) {
        *word(address, page) = 1;
    }
    return 0;
}

static int play_committer(void) {
    capos_cap_t memory = named("memory"), object = CAPOS_CAP_NONE, clone = CAPOS_CAP_NONE;
    uint64_t address, limit = UINT64_C(1) << 20;
    bool is_right =
        capos_virtual_memory_create_object(memory, limit + PAGE, &object) == CAPOS_E_OVER_QUOTA;
    is_right &= capos_virtual_memory_create_object(memory, limit / 2, &object) == CAPOS_OK;
    is_right &=
        capos_virtual_memory_map(memory, 0, limit, READ_WRITE, &address) == CAPOS_E_OVER_QUOTA;
    is_right &= map_at(object, 0, limit / 2 / PAGE, 0) != 0; /* costs nothing */
    is_right &= capos_memory_object_clone(object, &clone) == CAPOS_OK;
    is_right &= map_at(object, 0, 1, CAPOS_MAP_PRIVATE) == 0;
    is_right &= capos_release(clone) == CAPOS_OK;
    address = map_at(object, 0, limit / 2 / PAGE, CAPOS_MAP_PRIVATE);
    is_right &= address != 0;
    is_right &= capos_memory_object_clone(object, &clone) == CAPOS_E_OVER_QUOTA;
    is_right &= capos_virtual_memory_unmap(memory, address, limit / 4) == CAPOS_OK;
    is_right &= capos_memory_object_clone(object, &clone) == CAPOS_E_OVER_QUOTA;
    is_right &= capos_virtual_memory_unmap(memory, address + limit / 4, limit / 4) == CAPOS_OK;
    is_right &= capos_memory_object_clone(object, &clone) == CAPOS_OK;
    return is_right ? 0 : 1;
}

/* Takes the last frame of the machine, and then writes to a page that is shared with a clone
 * (number 0), or that a private mapping shows (1). */
static int play_glutton(uint64_t number) {
    capos_cap_t object = create(2), clone;
    uint64_t address = map(object, 2), eaten = 0, at;
    *word(address, 0) = 1;
    if (number == 0 ? capos_memory_object_clone(object, &clone) != CAPOS_OK
                    : (address = map_at(object, 0, 2, CAPOS_MAP_PRIVATE)) == 0) {
        return 1;
    }
    if (*word(address, 0) != 1 ||
        capos_virtual_memory_map(named("memory"), 0, UINT64_C(1) << 30, READ_WRITE, &at) != 0) {
        return 2;
    }
    /* what the kernel cannot write to is refused, and does not end us */
    while (fill(at + eaten * PAGE, 8) == CAPOS_OK) {
        eaten++;
    }
    if (fill(address, 8) != CAPOS_E_NO_MEMORY || *word(address, 0) != 1) {
        return 3;
    }
    *word(address, 0) = 2; /* ends us */
    return 4;
}

/* Waits at a word of the object until the parent wakes it, and then for a wait that ends with the
 * mapping. */
static int play_sleeper(void) {
    capos_cap_t object = capos_lookup("object", CAPOS_MEMORY_OBJECT_INTERFACE);
    uint64_t address = map_at(object, ELSEWHERE, PAGES, 0);
    uint64_t park = CAPOS_ENTER_REGISTER | (uint64_t)CAPOS_OP_PARK << CAPOS_ENTER_OPCODE_SHIFT;
    *word(address, 0) = 1;
    struct capos_reply reply =
        capos_invoke(park, named("shared-park"), address + 5 * PAGE + 12, 0, 0, CAPOS_FOREVER);
    *word(address, 0) = 3;
    return reply.result == CAPOS_OK ? 0 : 1;
}

static int play(const char *part, uint64_t number) {
    if (strcmp(part, "answerer") == 0) {
        return play_answerer();
    }
    if (strcmp(part, "keeper") == 0) {
        return play_keeper();
    }
    if (strcmp(part, "reader") == 0) {
        return play_reader();
    }
    if (strcmp(part, "writer") == 0) {
        return play_writer();
    }
    if (strcmp(part, "toucher") == 0) {
        return play_toucher();
    }
    if (strcmp(part, "committer") == 0) {
        return play_committer();
    }
    if (strcmp(part, "sleeper") == 0) {
        return play_sleeper();
    }
    return strcmp(part, "glutton") == 0 ? play_glutton(number) : 98;
}

/* The parent's tests. */

static capos_cap_t start(const struct child *child) {
    capos_cap_t process = CAPOS_CAP_NONE;
    uint32_t detail;
    CHECK_RESULT(child_spawn(child, &process, &detail), CAPOS_OK);
    return process;
}

static struct capos_process_wait_results end_of(capos_cap_t process) {
    struct capos_process_wait_results end = {.reason = 99};
    CHECK_RESULT(capos_process_wait(process, &end), CAPOS_OK);
    CHECK_RESULT(capos_release(process), CAPOS_OK);
    return end;
}

#define CHECK_EXIT(process)                                                                        \
    do {                                                                                           \
        struct capos_process_wait_results end_found = end_of(process);                             \
        CHECK_EQUAL(end_found.reason, CAPOS_PROCESS_EXIT_REASON_EXITED);                           \
        CHECK_EQUAL(end_found.code, 0);                                                            \
    } while (0)

static void test_two_addresses(void) {
    capos_cap_t object = create(PAGES);
    uint64_t address = map(object, PAGES);
    for (uint64_t page = 0; page < PAGES; page++) {
        *word(address, page) = page;
    }
    const struct capos_spawn_grant grants[] = {
        {"object", object, CAPOS_SPAWN_GRANT_MODE_COPY, NULL}};
    capos_cap_t process =
        start(&(struct child){.words = {"answerer"}, .grants = grants, .grant_count = 1});
    await(word(address, 0), 1);
    bool is_right = true;
    for (uint64_t page = 1; page < PAGES; page++) {
        is_right &= *word(address, page) == 2 * page;
    }
    CHECK(is_right);
    *word(address, 5) = 55;
    *word(address, 0) = 2;
    CHECK_EXIT(process);
    CHECK_RESULT(capos_memory_object_unmap(object, address, PAGES * PAGE), CAPOS_OK);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
}

/* The object is the child's alone from then on, and goes with it. */
static void test_move(void) {
    uint64_t before = 0, size;
    for (int turn = 0; turn < 2; turn++) {
        before = free_bytes();
        capos_cap_t object = create(PAGES);
        uint64_t address = map(object, PAGES);
        for (uint64_t page = 0; page < PAGES; page++) {
            *word(address, page) = page + 1;
        }
        CHECK_RESULT(capos_virtual_memory_unmap(named("memory"), address, PAGES * PAGE), CAPOS_OK);
        const struct capos_spawn_grant grants[] = {
            {"object", object, CAPOS_SPAWN_GRANT_MODE_MOVE, NULL}};
        capos_cap_t process =
            start(&(struct child){.words = {"keeper"}, .grants = grants, .grant_count = 1});
        CHECK_RESULT(capos_memory_object_size(object, &size), CAPOS_E_BAD_CAPABILITY);
        CHECK_EXIT(process);
    }
    CHECK_EQUAL(free_bytes(), before);

    capos_cap_t object = create(1);
    const struct capos_spawn_grant derived[] = {
        {"object", object, CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL}};
    capos_cap_t process;
    uint32_t detail;
    struct child child = {.words = {"keeper"}, .grants = derived, .grant_count = 1};
    CHECK_RESULT(child_spawn(&child, &process, &detail), CAPOS_E_WRONG_INTERFACE);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
}

static void test_read_only(void) {
    capos_cap_t object = create(PAGES), read_only = CAPOS_CAP_NONE;
    uint64_t address = map(object, PAGES);
    *word(address, 3) = 4;
    CHECK_RESULT(capos_memory_object_read_only(object, &read_only), CAPOS_OK);
    const struct capos_spawn_grant grants[] = {
        {"object", read_only, CAPOS_SPAWN_GRANT_MODE_MOVE, NULL}};
    struct capos_process_wait_results end =
        end_of(start(&(struct child){.words = {"reader"}, .grants = grants, .grant_count = 1}));
    CHECK_EQUAL(end.reason, CAPOS_PROCESS_EXIT_REASON_FAULTED);
    CHECK_EQUAL(end.vector, 14);
    CHECK_EQUAL(end.error_code, 7); /* a write, by user code, to what is there */
    CHECK_EQUAL(*word(address, 3), 4);
    CHECK_RESULT(capos_memory_object_unmap(object, address, PAGES * PAGE), CAPOS_OK);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
}

/* Both write to what they share at the same time: neither sees the other's. */
static void test_clone(void) {
    capos_cap_t object = create(PAGES), clone = CAPOS_CAP_NONE;
    uint64_t address = map(object, PAGES);
    for (uint64_t page = 0; page < PAGES; page++) {
        *word(address, page) = page;
    }
    CHECK_RESULT(capos_memory_object_clone(object, &clone), CAPOS_OK);
    const struct capos_spawn_grant grants[] = {
        {"object", object, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"clone", clone, CAPOS_SPAWN_GRANT_MODE_MOVE, NULL}};
    capos_cap_t process =
        start(&(struct child){.words = {"writer"}, .grants = grants, .grant_count = 2});
    await(word(address, 0), 1);
    bool is_right = true;
    for (uint64_t page = 1; page < PAGES; page++) {
        is_right &= *word(address, page) == page;
        *word(address, page) = 2000 + page;
    }
    await(word(address, 0), 2);
    for (uint64_t page = 1; page < PAGES; page++) {
        is_right &= *word(address, page) == 2000 + page;
    }
    *word(address, 0) = 3;
    CHECK(is_right);
    CHECK_EXIT(process);
    CHECK_RESULT(capos_memory_object_unmap(object, address, PAGES * PAGE), CAPOS_OK);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
}

/* Pages are charged to who made the object, whoever touches them. */
static void test_who_pays(void) {
    const struct capos_spawn_grant own[] = {
        {"memory", named("memory"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL}};
    struct child child = {
        .words = {"toucher"}, .grants = own, .grant_count = 1, .frames_limit = 2 * PAGES};
    struct capos_process_wait_results end = end_of(start(&child));
    CHECK_EQUAL(end.reason, CAPOS_PROCESS_EXIT_REASON_FAULTED);
    CHECK_EQUAL(end.vector, 14);
    CHECK_EQUAL(end.frames_peak, 2 * PAGES);

    capos_cap_t object = create(2 * PAGES);
    const struct capos_spawn_grant ours[] = {{"object", object, CAPOS_SPAWN_GRANT_MODE_COPY, NULL}};
    child.grants = ours;
    CHECK_EXIT(start(&child));
    CHECK_RESULT(capos_release(object), CAPOS_OK);
}

static void test_commit_limit(void) {
    const struct capos_spawn_grant grants[] = {
        {"memory", named("memory"), CAPOS_SPAWN_GRANT_MODE_DERIVE, "1M"}};
    CHECK_EXIT(start(&(struct child){.words = {"committer"}, .grants = grants, .grant_count = 1}));
}

static void test_out_of_memory(void) {
    const struct capos_spawn_grant grants[] = {
        {"memory", named("memory"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"entropy", named("entropy"), CAPOS_SPAWN_GRANT_MODE_COPY, NULL}};
    for (uint64_t number = 0; number < 2; number++) {
        struct child child = {
            .words = {"glutton", number == 0 ? "0" : "1"}, .grants = grants, .grant_count = 2};
        struct capos_process_wait_results end = end_of(start(&child));
        CHECK_EQUAL(end.reason, CAPOS_PROCESS_EXIT_REASON_FAULTED);
        CHECK_EQUAL(end.code, 0);
        CHECK_EQUAL(end.vector, 14);
        CHECK_EQUAL(end.error_code, 7);
    }
}

static void test_park(void) {
    capos_cap_t object = create(PAGES), park = named("shared-park");
    uint64_t address = map(object, PAGES), own = map_at(object, 0, PAGES, CAPOS_MAP_PRIVATE);
    const struct capos_spawn_grant grants[] = {
        {"object", object, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"shared-park", park, CAPOS_SPAWN_GRANT_MODE_COPY, NULL}};
    capos_cap_t process =
        start(&(struct child){.words = {"sleeper"}, .grants = grants, .grant_count = 2});
    uint64_t unpark = CAPOS_ENTER_REGISTER | (uint64_t)CAPOS_OP_UNPARK << CAPOS_ENTER_OPCODE_SHIFT;
    struct capos_reply reply = capos_invoke(unpark, park, own + 5 * PAGE + 12, 1, 0, CAPOS_FOREVER);
    CHECK_RESULT(reply.result, CAPOS_E_BAD_ADDRESS); /* a private mapping is not shared */
    await(word(address, 0), 1);
    do {
        reply = capos_invoke(unpark, park, address + 5 * PAGE + 12, 1, 0, CAPOS_FOREVER);
        (void)capos_ring_enter(&ring, CAPOS_RING_COMPLETIONS, CAPOS_POLL);
    } while (reply.result == CAPOS_OK && reply.aux == 0);
    CHECK_RESULT(reply.result, CAPOS_OK);
    CHECK_EQUAL(reply.aux, 1);
    CHECK_EXIT(process);
    CHECK_EQUAL(*word(address, 0), 3);
    CHECK_RESULT(capos_memory_object_unmap(object, address, PAGES * PAGE), CAPOS_OK);
    CHECK_RESULT(capos_memory_object_unmap(object, own, PAGES * PAGE), CAPOS_OK);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
}

int main(int argc, char **argv) {
    capos_ring_open(&ring);
    if (argc > 1) {
        return play(argv[1], argc > 2 ? (uint64_t)(argv[2][0] - '0') : 0);
    }
    test_two_addresses();
    test_move();
    test_read_only();
    test_clone();
    test_who_pays();
    test_commit_limit();
    test_out_of_memory();
    test_park();
    return tap_finish();
}
