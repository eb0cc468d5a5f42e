// grants: console,shared-park,park,threads,thread-control,memory,timer,spawner
// cpus: any

/*
 * SharedParkSpace: words of memory objects are the same wherever they are mapped, in one process or
 * in two, and only those.
 */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define OBJECT_BYTES (4 * CAPOS_PAGE_SIZE)
#define ROUNDS 1000u

static capos_cap_t shared;

static capos_cap_t create_object(void) {
    capos_cap_t object = CAPOS_CAP_NONE;
    if (capos_virtual_memory_create_object(crew_capability("memory"), OBJECT_BYTES, &object) !=
        CAPOS_OK) {
        capos_abort("a memory object that the test needs was refused");
    }
    return object;
}

static uint32_t *map_object(capos_cap_t object, uint64_t protection, uint64_t flags) {
    uint64_t address = 0;
    if (capos_memory_object_map(object, 0, 0, OBJECT_BYTES, protection, flags, &address) !=
        CAPOS_OK) {
        capos_abort("a memory object could not be mapped");
    }
    return (uint32_t *)(uintptr_t)address;
}

static void unmap(const uint32_t *pages) {
    (void)capos_virtual_memory_unmap(crew_capability("memory"), (uintptr_t)pages, OBJECT_BYTES);
}

static int64_t wait(void *argument) {
    return capos_park_in(shared, argument, 0, CAPOS_FOREVER);
}

static int64_t wait_privately(void *argument) {
    return capos_park(argument, 0, CAPOS_FOREVER);
}

static struct capos_thread start_waiter(uint32_t *word) {
    struct capos_thread thread = crew_start(wait, word);
    crew_await_waiting(&thread);
    return thread;
}

/* Two mappings of one object, in one process. */

static void test_two_mappings(void) {
    capos_cap_t object = create_object();
    uint32_t *left = map_object(object, READ_WRITE, 0), *right = map_object(object, READ_WRITE, 0);
    struct capos_thread first = start_waiter(&left[3]), second = start_waiter(&right[3]);
    CHECK(left != right);
    CHECK_EQUAL(capos_unpark_in(shared, &right[2], 1), 0);
    CHECK_EQUAL(capos_unpark_in(shared, &right[1024 + 3], 1), 0);
    CHECK_EQUAL(capos_unpark(&left[3], 1), 0); /* by the address alone nobody waits there */
    CHECK_EQUAL(capos_unpark_in(shared, &right[3], 1), 1);
    CHECK_RESULT(crew_value(&first), CAPOS_OK);
    CHECK_EQUAL(capos_unpark_in(shared, &left[3], UINT64_MAX), 1);
    CHECK_RESULT(crew_value(&second), CAPOS_OK);
    right[3] = 1;
    CHECK_RESULT(capos_park_in(shared, &left[3], 0, CAPOS_FOREVER), CAPOS_E_VALUE_CHANGED);
    CHECK_RESULT(capos_park_in(shared, &left[3], 1, CAPOS_POLL), CAPOS_E_TIMED_OUT);

    /* and the other way round: who waits by the address is not found through the object */
    struct capos_thread private_waiter = crew_start(wait_privately, &left[5]);
    crew_await_waiting(&private_waiter);
    CHECK_EQUAL(capos_unpark_in(shared, &left[5], 1), 0);
    CHECK_EQUAL(capos_unpark(&right[5], 1), 0);
    CHECK_EQUAL(capos_unpark(&left[5], 1), 1);
    CHECK_RESULT(crew_value(&private_waiter), CAPOS_OK);
    unmap(left);
    unmap(right);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
}

/* What is not shared. */

static void test_refusals(void) {
    static uint32_t word;
    capos_cap_t object = create_object(), read_only = CAPOS_CAP_NONE;
    uint32_t *copies = map_object(object, READ_WRITE, CAPOS_MAP_PRIVATE);
    uint32_t *unreadable = map_object(object, CAPOS_PROTECTION_NONE, 0);
    CHECK_RESULT(capos_park_in(shared, &word, 0, CAPOS_FOREVER), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_park_in(shared, crew_map(CAPOS_PAGE_SIZE), 0, CAPOS_FOREVER),
                 CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_park_in(shared, copies, 0, CAPOS_FOREVER), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_park_in(shared, unreadable, 0, CAPOS_POLL), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_park_in(shared, (uint32_t *)4096, 0, CAPOS_POLL), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_unpark_in(shared, &word, 1), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_unpark_in(shared, copies, 1), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_park(copies, 0, CAPOS_POLL), CAPOS_E_TIMED_OUT);

    /* to read it is enough to wait and to wake */
    uint64_t address = 0;
    CHECK_RESULT(capos_memory_object_read_only(object, &read_only), CAPOS_OK);
    CHECK_RESULT(capos_read_only_memory_map(read_only, 0, 0, OBJECT_BYTES, CAPOS_PROTECTION_READ, 0,
                                            &address),
                 CAPOS_OK);
    uint32_t *seen = (uint32_t *)(uintptr_t)address;
    struct capos_thread waiter = start_waiter(seen);
    CHECK_EQUAL(capos_unpark_in(shared, seen, 1), 1);
    CHECK_RESULT(crew_value(&waiter), CAPOS_OK);
    unmap(seen);
    unmap(copies);
    unmap(unreadable);
    CHECK_RESULT(capos_release(read_only), CAPOS_OK);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
}

/* A mapping that goes takes its own waiters along, and no others. */
static void test_memory_gone(void) {
    capos_cap_t object = create_object();
    uint32_t *left = map_object(object, READ_WRITE, 0), *right = map_object(object, READ_WRITE, 0);
    struct capos_thread at_left = start_waiter(left), at_right = start_waiter(right);
    unmap(left);
    CHECK_RESULT(crew_value(&at_left), CAPOS_E_MEMORY_GONE);
    CHECK_EQUAL(crew_state(at_right.capability), CAPOS_THREAD_STATE_WAITING);
    CHECK_EQUAL(capos_unpark_in(shared, right, UINT64_MAX), 1);
    CHECK_RESULT(crew_value(&at_right), CAPOS_OK);

    at_right = start_waiter(right);
    CHECK_RESULT(capos_virtual_memory_protect(crew_capability("memory"), (uintptr_t)right,
                                              CAPOS_PAGE_SIZE, CAPOS_PROTECTION_READ),
                 CAPOS_OK);
    CHECK_EQUAL(crew_state(at_right.capability), CAPOS_THREAD_STATE_WAITING);
    CHECK_RESULT(capos_virtual_memory_protect(crew_capability("memory"), (uintptr_t)right,
                                              CAPOS_PAGE_SIZE, CAPOS_PROTECTION_NONE),
                 CAPOS_OK);
    CHECK_RESULT(crew_value(&at_right), CAPOS_E_MEMORY_GONE);

    /* the object lives by its mapping alone, and its end is its waiters' */
    at_right = start_waiter(&right[1024]);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
    CHECK_EQUAL(crew_state(at_right.capability), CAPOS_THREAD_STATE_WAITING);
    unmap(right);
    CHECK_RESULT(crew_value(&at_right), CAPOS_E_MEMORY_GONE);
}

/* Another object at the same address has other words. */
static void test_other_object(void) {
    capos_cap_t first = create_object(), second = create_object();
    uint32_t *at_first = map_object(first, READ_WRITE, 0), *at_second;
    uint32_t *elsewhere = map_object(first, READ_WRITE, 0);
    struct capos_thread waiter = start_waiter(elsewhere);
    uint64_t address = 0;
    unmap(at_first);
    CHECK_RESULT(capos_memory_object_map(second, (uintptr_t)at_first, 0, OBJECT_BYTES, READ_WRITE,
                                         0, &address),
                 CAPOS_OK);
    at_second = (uint32_t *)(uintptr_t)address;
    CHECK_EQUAL(capos_unpark_in(shared, at_second, UINT64_MAX), 0);
    CHECK_EQUAL(capos_unpark_in(shared, elsewhere, UINT64_MAX), 1);
    CHECK_RESULT(crew_value(&waiter), CAPOS_OK);
    unmap(at_second);
    unmap(elsewhere);
    CHECK_RESULT(capos_release(first), CAPOS_OK);
    CHECK_RESULT(capos_release(second), CAPOS_OK);
}

/* After a clone the first write puts the page elsewhere: PARK looks where the word is now, and who
 * waits on it is found. */
static void test_clone(void) {
    capos_cap_t object = create_object(), clone = CAPOS_CAP_NONE;
    uint32_t *pages = map_object(object, READ_WRITE, 0);
    for (unsigned round = 0; round < 3; round++) {
        CHECK_RESULT(capos_park_in(shared, pages, 2 * round, CAPOS_POLL), CAPOS_E_TIMED_OUT);
        CHECK_RESULT(capos_memory_object_clone(object, &clone), CAPOS_OK);
        uint32_t *cloned = map_object(clone, READ_WRITE, 0);
        crew_store(round % 2 == 0 ? pages : cloned, 77);
        crew_store(round % 2 == 0 ? cloned : pages, 78);
        CHECK_RESULT(capos_park_in(shared, pages, round % 2 == 0 ? 77 : 78, CAPOS_POLL),
                     CAPOS_E_TIMED_OUT);
        CHECK_RESULT(capos_park_in(shared, cloned, round % 2 == 0 ? 78 : 77, CAPOS_POLL),
                     CAPOS_E_TIMED_OUT);
        CHECK_RESULT(capos_park_in(shared, pages, 2 * round, CAPOS_FOREVER), CAPOS_E_VALUE_CHANGED);
        CHECK_EQUAL(capos_unpark_in(shared, cloned, UINT64_MAX), 0);
        crew_store(pages, 2 * (round + 1));
        unmap(cloned);
        CHECK_RESULT(capos_release(clone), CAPOS_OK);
    }
    crew_store(pages, 0);
    struct capos_thread waiter = start_waiter(pages);
    CHECK_RESULT(capos_memory_object_clone(object, &clone), CAPOS_OK);
    crew_store(&pages[1], 1); /* the page of the word moves under its waiter */
    CHECK_EQUAL(capos_unpark_in(shared, pages, 1), 1);
    CHECK_RESULT(crew_value(&waiter), CAPOS_OK);
    unmap(pages);
    CHECK_RESULT(capos_release(clone), CAPOS_OK);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
}

/* Two processes pass a token, each at an address of its own. */

/* Words 0 and 1 count how often the parent and the child have had it. */
static int64_t play_tennis(uint32_t *words, unsigned self) {
    int64_t wrong = 0;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        uint32_t other = self == 0 ? round - 1 : round;
        while (crew_load(&words[1 - self]) != other) {
            int64_t result = capos_park_in(shared, &words[1 - self], other - 1, CAPOS_FOREVER);
            wrong += result != CAPOS_OK && result != CAPOS_E_VALUE_CHANGED;
        }
        crew_store(&words[self], round);
        wrong += capos_unpark_in(shared, &words[self], 1) < 0;
    }
    return wrong;
}

static int play(const char *part) {
    uint32_t *pages = map_object(crew_capability("object"), READ_WRITE, 0);
    if (strcmp(part, "tennis") == 0) {
        /* so that the addresses differ */
        pages = map_object(crew_capability("object"), READ_WRITE, 0);
        return (int)play_tennis(pages, 1);
    }
    /* dies while it waits */
    crew_store(&pages[1], 1);
    (void)capos_unpark_in(shared, &pages[1], 1);
    return (int)capos_park_in(shared, pages, 0, CAPOS_FOREVER);
}

static capos_cap_t start_child(const char *part, capos_cap_t object) {
    const struct capos_spawn_grant grants[] = {
        {"shared-park", shared, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"object", object, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
    };
    struct child child = {.words = {part}, .grants = grants, .grant_count = 2};
    capos_cap_t process = CAPOS_CAP_NONE;
    uint32_t detail;
    CHECK_RESULT(child_spawn(&child, &process, &detail), CAPOS_OK);
    return process;
}

static void test_two_processes(void) {
    capos_cap_t object = create_object();
    uint32_t *words = map_object(object, READ_WRITE, 0);
    struct capos_process_wait_results end = {.reason = 99};
    capos_cap_t process = start_child("tennis", object);
    CHECK_EQUAL(play_tennis(words, 0), 0);
    CHECK_RESULT(capos_process_wait(process, &end), CAPOS_OK);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0);
    CHECK_RESULT(capos_release(process), CAPOS_OK);

    /* a process that ends leaves none of its waiters behind, and ours stay */
    words[0] = words[1] = 0;
    struct capos_thread waiter = start_waiter(words);
    process = start_child("waiter", object);
    while (crew_load(&words[1]) == 0) {
        (void)capos_park_in(shared, &words[1], 0, CAPOS_FOREVER);
    }
    CHECK_RESULT(capos_process_kill(process), CAPOS_OK);
    CHECK_RESULT(capos_process_wait(process, &end), CAPOS_OK);
    CHECK_RESULT(capos_release(process), CAPOS_OK);
    CHECK_EQUAL(capos_unpark_in(shared, words, UINT64_MAX), 1);
    CHECK_RESULT(crew_value(&waiter), CAPOS_OK);
    unmap(words);
    CHECK_RESULT(capos_release(object), CAPOS_OK);
}

int main(int argc, char **argv) {
    shared = crew_capability("shared-park");
    if (argc > 1) {
        return play(argv[1]);
    }
    test_two_mappings();
    test_refusals();
    test_memory_gone();
    test_other_object();
    test_clone();
    test_two_processes();
    return tap_finish();
}
