// grants: console,park,threads,thread-control,memory
// cpus: any

/*
 * Memory that goes while somebody is parked there: unmap, decommit, protect and the end of a thread
 * end those waits with memoryGone, at once, and no others; the words are nobody's afterwards.
 */
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define PAGES 4u
#define WORDS_IN_PAGE (CAPOS_PAGE_SIZE / sizeof(uint32_t))

static capos_cap_t memory;

/* Parks at the word that the argument points to until it holds 0 no more. */
static int64_t wait(void *argument) {
    return capos_park(argument, 0, CAPOS_FOREVER);
}

/* One waiter at the first and one at the last word of each page. */
struct scene {
    uint32_t *pages;
    struct capos_thread waiters[2 * PAGES];
};

static uint32_t *word_of(const struct scene *scene, unsigned waiter) {
    return scene->pages + waiter / 2 * WORDS_IN_PAGE + waiter % 2 * (WORDS_IN_PAGE - 1);
}

static void begin(struct scene *scene) {
    scene->pages = crew_map(PAGES * CAPOS_PAGE_SIZE);
    for (unsigned index = 0; index < 2 * PAGES; index++) {
        scene->waiters[index] = crew_start(wait, word_of(scene, index));
        crew_await_waiting(&scene->waiters[index]);
    }
}

/* Page 1 has gone: its two waiters know; the others wait on until they are woken. */
static bool end(struct scene *scene) {
    bool is_right = true;
    for (unsigned index = 0; index < 2 * PAGES; index++) {
        bool is_gone = index / 2 == 1;
        if (!is_gone) {
            is_right &= crew_state(scene->waiters[index].capability) == CAPOS_THREAD_STATE_WAITING;
            is_right &= capos_unpark(word_of(scene, index), 1) == 1;
        }
        is_right &= crew_value(&scene->waiters[index]) ==
                    (is_gone ? (int64_t)CAPOS_E_MEMORY_GONE : (int64_t)CAPOS_OK);
    }
    (void)capos_virtual_memory_unmap(memory, (uintptr_t)scene->pages, PAGES * CAPOS_PAGE_SIZE);
    return is_right;
}

static uint64_t page_one(const struct scene *scene) {
    return (uintptr_t)scene->pages + CAPOS_PAGE_SIZE;
}

static void test_unmap(void) {
    struct scene scene;
    begin(&scene);
    uint64_t page = page_one(&scene), address;
    CHECK_RESULT(capos_virtual_memory_unmap(memory, page, CAPOS_PAGE_SIZE), CAPOS_OK);
    CHECK_RESULT(capos_park((uint32_t *)page, 0, CAPOS_POLL), CAPOS_E_BAD_ADDRESS);
    CHECK(end(&scene));

    /* new memory at the same address knows nothing of who waited there */
    begin(&scene);
    page = page_one(&scene);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, page, CAPOS_PAGE_SIZE), CAPOS_OK);
    CHECK_RESULT(capos_virtual_memory_map(memory, page, CAPOS_PAGE_SIZE, READ_WRITE, &address),
                 CAPOS_OK);
    CHECK_EQUAL(capos_unpark((uint32_t *)page, UINT64_MAX), 0);
    struct capos_thread waiter = crew_start(wait, (void *)page);
    crew_await_waiting(&waiter);
    CHECK_EQUAL(capos_unpark((uint32_t *)page, UINT64_MAX), 1);
    CHECK_EQUAL(crew_value(&waiter), CAPOS_OK);
    CHECK(end(&scene));
}

static void test_decommit(void) {
    struct scene scene;
    begin(&scene);
    uint64_t page = page_one(&scene);
    CHECK_RESULT(capos_virtual_memory_decommit(memory, page, CAPOS_PAGE_SIZE), CAPOS_OK);
    CHECK_EQUAL(capos_unpark((uint32_t *)page, UINT64_MAX), 0);
    CHECK_RESULT(capos_park((uint32_t *)page, 0, CAPOS_POLL), CAPOS_E_TIMED_OUT);
    CHECK(end(&scene));
}

/* Without the right to read it the word cannot be waited on; to lose that to write changes nothing.
 */
static void test_protect(void) {
    struct scene scene;
    begin(&scene);
    uint64_t page = page_one(&scene);
    CHECK_RESULT(capos_virtual_memory_protect(memory, (uintptr_t)scene.pages,
                                              PAGES * CAPOS_PAGE_SIZE, CAPOS_PROTECTION_READ),
                 CAPOS_OK);
    CHECK_RESULT(capos_virtual_memory_protect(memory, page, CAPOS_PAGE_SIZE, CAPOS_PROTECTION_NONE),
                 CAPOS_OK);
    CHECK_RESULT(capos_park((uint32_t *)page, 0, CAPOS_POLL), CAPOS_E_BAD_ADDRESS);
    CHECK(end(&scene));
}

/* The page is the stack that a thread gives back with its exit. */
static int64_t leave(void *argument) {
    (void)capos_thread_control_exit(crew_capability("thread-control"), 0,
                                    *(const uint64_t *)argument, CAPOS_PAGE_SIZE);
    return 1;
}

static void test_exit(void) {
    struct scene scene;
    begin(&scene);
    uint64_t page = page_one(&scene);
    struct capos_thread leaver = crew_start(leave, &page);
    CHECK_EQUAL(crew_value(&leaver), 0);
    CHECK(end(&scene));
}

/* Waits in rings end like those of the register form. */
static void test_ring(void) {
    struct capos_ring_client ring;
    struct capos_completion completion;
    uint32_t *pages = crew_map(2 * CAPOS_PAGE_SIZE);
    unsigned gone = 0, woken = 0;
    capos_ring_open(&ring);
    for (unsigned index = 0; index < CAPOS_RING_IN_FLIGHT_MAX; index++) {
        struct capos_entry *entry = capos_ring_prepare(&ring);
        entry->opcode = CAPOS_OP_PARK;
        entry->user_data = index;
        entry->capability = crew_capability("park");
        entry->argument[0] = (uintptr_t)(pages + (index % 2) * WORDS_IN_PAGE + index);
    }
    CHECK_EQUAL(capos_ring_enter(&ring, 0, CAPOS_POLL), 0);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, (uintptr_t)pages, CAPOS_PAGE_SIZE), CAPOS_OK);
    CHECK_EQUAL(capos_ring_enter(&ring, CAPOS_RING_IN_FLIGHT_MAX / 2, CAPOS_FOREVER),
                CAPOS_RING_IN_FLIGHT_MAX / 2);
    while (capos_ring_take(&ring, &completion)) {
        gone += completion.result == CAPOS_E_MEMORY_GONE && completion.user_data % 2 == 0;
    }
    CHECK_EQUAL(gone, CAPOS_RING_IN_FLIGHT_MAX / 2);
    for (unsigned index = 1; index < CAPOS_RING_IN_FLIGHT_MAX; index += 2) {
        woken += capos_unpark(pages + WORDS_IN_PAGE + index, 1) == 1;
    }
    CHECK_EQUAL(woken, CAPOS_RING_IN_FLIGHT_MAX / 2);
    CHECK_EQUAL(capos_ring_enter(&ring, woken, CAPOS_FOREVER), woken);
    while (capos_ring_take(&ring, &completion)) {
    }
    (void)capos_virtual_memory_unmap(memory, (uintptr_t)pages, 2 * CAPOS_PAGE_SIZE);
}

/* Those who were moved to another word wait there, whatever becomes of the first. */
static void test_moved(void) {
    enum { COUNT = 4 };
    uint32_t *from = crew_map(CAPOS_PAGE_SIZE), *to = crew_map(CAPOS_PAGE_SIZE);
    struct capos_park_space_requeue_results results = {0};
    struct capos_thread waiters[COUNT];
    for (unsigned index = 0; index < COUNT; index++) {
        waiters[index] = crew_start(wait, from);
        crew_await_waiting(&waiters[index]);
    }
    CHECK_RESULT(capos_park_space_requeue(crew_capability("park"), (uintptr_t)from, (uintptr_t)to,
                                          0, 0, COUNT, &results),
                 CAPOS_OK);
    CHECK_EQUAL(results.moved, COUNT);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, (uintptr_t)from, CAPOS_PAGE_SIZE), CAPOS_OK);
    CHECK_EQUAL(crew_state(waiters[0].capability), CAPOS_THREAD_STATE_WAITING);
    CHECK_EQUAL(capos_unpark(to, 1), 1);
    CHECK_EQUAL(crew_value(&waiters[0]), CAPOS_OK);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, (uintptr_t)to, CAPOS_PAGE_SIZE), CAPOS_OK);
    bool is_right = true;
    for (unsigned index = 1; index < COUNT; index++) {
        is_right &= crew_value(&waiters[index]) == CAPOS_E_MEMORY_GONE;
    }
    CHECK(is_right);
}

/* Unmaps of one page and wake-ups on another, over and over: neither loses a wait of the other. */

enum { HAMMER_TURNS = 300 };

static uint32_t *steady, *moving, hammer_round;

/* Parks at a page that comes and goes. */
static int64_t wait_on_moving(void *argument) {
    int64_t wrong = 0;
    for (uint32_t turn = 1; turn <= HAMMER_TURNS; turn++) {
        while (crew_load(&hammer_round) < turn) {
            int64_t result = capos_park(moving, 0, CAPOS_FOREVER);
            wrong += result != CAPOS_E_MEMORY_GONE && result != CAPOS_E_BAD_ADDRESS;
        }
    }
    return wrong;
}

/* Parks at a page that stays, until each turn's wake-up. */
static int64_t wait_on_steady(void *argument) {
    int64_t wrong = 0;
    for (uint32_t turn = 1; turn <= HAMMER_TURNS; turn++) {
        while (crew_load(steady) < turn) {
            int64_t result = capos_park(steady, turn - 1, CAPOS_FOREVER);
            wrong += result != CAPOS_OK && result != CAPOS_E_VALUE_CHANGED;
        }
    }
    return wrong;
}

static void test_hammer(void) {
    uint64_t address;
    steady = crew_map(CAPOS_PAGE_SIZE);
    moving = crew_map(CAPOS_PAGE_SIZE);
    struct capos_thread on_moving = crew_start(wait_on_moving, NULL);
    struct capos_thread on_steady = crew_start(wait_on_steady, NULL);
    for (uint32_t turn = 1; turn <= HAMMER_TURNS; turn++) {
        crew_store(steady, turn);
        (void)capos_unpark(steady, 1);
        (void)capos_virtual_memory_unmap(memory, (uintptr_t)moving, CAPOS_PAGE_SIZE);
        crew_store(&hammer_round, turn);
        if (capos_virtual_memory_map(memory, (uintptr_t)moving, CAPOS_PAGE_SIZE, READ_WRITE,
                                     &address) != CAPOS_OK) {
            capos_abort("somebody else has the page");
        }
    }
    CHECK_RESULT(capos_virtual_memory_unmap(memory, (uintptr_t)moving, CAPOS_PAGE_SIZE), CAPOS_OK);
    CHECK_EQUAL(crew_value(&on_moving), 0);
    CHECK_EQUAL(crew_value(&on_steady), 0);
}

int main(void) {
    memory = crew_capability("memory");
    test_unmap();
    test_decommit();
    test_protect();
    test_exit();
    test_ring();
    test_moved();
    test_hammer();
    return tap_finish();
}
