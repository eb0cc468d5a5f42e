// grants: default,spawner
// seed: 1
// cpus: any
// also: --icount

/*
 * Parking against everything that ends it: UNPARK, a deadline, CANCEL, a requeue, and memory that
 * is taken away. Nobody may be left behind, and the two sides agree on what has happened.
 */
#include "tests/guest/duel.h"

#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)
#define TURNS 60u

static capos_cap_t memory, park;
static uint32_t words[2];
static const uint32_t *word; /* where the second thread parks, while it holds `expected` */
static uint32_t expected;
static uint64_t deadline_ns;
static int64_t result; /* of the second thread's parking */
static int64_t woken;  /* by the first thread */

static void make_ready(const uint32_t *at, uint32_t value) {
    word = at;
    expected = value;
    deadline_ns = CAPOS_FOREVER;
    words[0] = words[1] = value;
    woken = 0;
}

static void park_at_word(void) {
    result = capos_park(word, expected, deadline_ns);
}

static void wake(void) {
    __atomic_store_n(&words[0], 1, __ATOMIC_SEQ_CST);
    woken = capos_unpark(&words[0], 1);
}

/* Who is woken says so on both sides. */
static bool is_agreed(int64_t otherwise) {
    duel_count(result);
    return (woken == 1 && result == CAPOS_OK) ||
           (woken == 0 && (result == CAPOS_E_VALUE_CHANGED || result == otherwise));
}

static bool unpark(uint64_t number) {
    (void)number;
    make_ready(&words[0], 0);
    duel_go(wake);
    return is_agreed(CAPOS_E_VALUE_CHANGED);
}

static bool unpark_at_deadline(uint64_t number) {
    (void)number;
    make_ready(&words[0], 0);
    deadline_ns = duel_now() + race_draw(20000);
    duel_go(wake);
    return is_agreed(CAPOS_E_TIMED_OUT);
}

/* In the ring, where the second thread cancels what it has just begun. */
static int64_t cancelled;

static void park_and_cancel(void) {
    struct capos_ring_client ring;
    struct capos_entry *entry = duel_prepare(&ring, CAPOS_OP_PARK, park);
    entry->argument[0] = (uint64_t)(uintptr_t)&words[0];
    result = duel_cancel(&ring, duel_delay, &cancelled);
}

static bool unpark_or_cancel(uint64_t number) {
    (void)number;
    make_ready(&words[0], 0);
    duel_go(wake);
    return is_agreed(CAPOS_E_CANCELLED) && (cancelled == CAPOS_OK) == (result == CAPOS_E_CANCELLED);
}

/* The first moves the waiter to another word and wakes it there; a waiter that came too late for
 * that is woken where it is. */
static uint64_t moved;

static void requeue_and_wake(void) {
    struct capos_park_space_requeue_results results = {0};
    int64_t requeued = capos_park_space_requeue(park, (uint64_t)(uintptr_t)&words[0],
                                                (uint64_t)(uintptr_t)&words[1], 0, 0, 1, &results);
    moved = requeued == CAPOS_OK ? results.moved : 99;
    woken = capos_unpark(&words[1], 1);
    __atomic_store_n(&words[0], 1, __ATOMIC_SEQ_CST);
    woken += capos_unpark(&words[0], 1);
}

static bool requeue(uint64_t number) {
    (void)number;
    make_ready(&words[0], 0);
    duel_go(requeue_and_wake);
    return moved <= 1 && is_agreed(CAPOS_E_VALUE_CHANGED);
}

static bool requeue_at_deadline(uint64_t number) {
    (void)number;
    make_ready(&words[0], 0);
    deadline_ns = duel_now() + race_draw(20000);
    duel_go(requeue_and_wake);
    return moved <= 1 && is_agreed(CAPOS_E_TIMED_OUT);
}

/* Memory that goes away. The word holds 1; where there is nothing it is 0, or not there. */
static uint64_t page;
static int64_t taken;

static void unmap_page(void) {
    taken = capos_virtual_memory_unmap(memory, page, CAPOS_PAGE_SIZE);
}

static void map_anew(void) {
    uint64_t address;
    unmap_page();
    int64_t mapped = capos_virtual_memory_map(memory, page, CAPOS_PAGE_SIZE, READ_WRITE, &address);
    taken = taken != CAPOS_OK ? taken : mapped;
}

static void decommit_page(void) {
    taken = capos_virtual_memory_decommit(memory, page, CAPOS_PAGE_SIZE);
}

static void protect_page(void) {
    taken = capos_virtual_memory_protect(memory, page, CAPOS_PAGE_SIZE, 0);
}

static bool is_gone(void (*take)(void), int64_t otherwise) {
    if (capos_virtual_memory_map(memory, 0, CAPOS_PAGE_SIZE, READ_WRITE, &page) != CAPOS_OK) {
        return false;
    }
    *(uint32_t *)(uintptr_t)page = 1;
    make_ready((const uint32_t *)(uintptr_t)page, 1);
    duel_go(take);
    (void)capos_virtual_memory_unmap(memory, page, CAPOS_PAGE_SIZE);
    duel_count(result);
    bool is_right = taken == CAPOS_OK && (result == CAPOS_E_MEMORY_GONE || result == otherwise ||
                                          (take == map_anew && result == CAPOS_E_BAD_ADDRESS));
    if (!is_right) {
        capos_printf("# %s, parked: %s\n", capos_error_name(taken), capos_error_name(result));
    }
    return is_right;
}

static bool unmap(uint64_t number) {
    (void)number;
    return is_gone(unmap_page, CAPOS_E_BAD_ADDRESS);
}

static bool unmap_and_map(uint64_t number) {
    (void)number;
    return is_gone(map_anew, CAPOS_E_VALUE_CHANGED);
}

static bool decommit(uint64_t number) {
    (void)number;
    return is_gone(decommit_page, CAPOS_E_VALUE_CHANGED);
}

static bool protect(uint64_t number) {
    (void)number;
    return is_gone(protect_page, CAPOS_E_BAD_ADDRESS);
}

static const struct duel duels[] = {
    {"park against unpark", unpark, park_at_word, TURNS},
    {"park until a deadline against unpark", unpark_at_deadline, park_at_word, TURNS},
    {"park and cancel against unpark", unpark_or_cancel, park_and_cancel, TURNS},
    {"park against requeue", requeue, park_at_word, TURNS},
    {"park until a deadline against requeue", requeue_at_deadline, park_at_word, TURNS},
    {"park against unmap", unmap, park_at_word, TURNS},
    {"park against a new mapping at the same place", unmap_and_map, park_at_word, TURNS},
    {"park against decommit", decommit, park_at_word, TURNS},
    {"park against protect", protect, park_at_word, TURNS},
};

int main(int argc, char **argv) {
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    park = capos_lookup("park", CAPOS_PARK_SPACE_INTERFACE);
    return duel_main(argc, argv, duels, sizeof duels / sizeof *duels);
}
