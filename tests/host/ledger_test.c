#include "core/ledger.h"

#include <pthread.h>

#include "tests/host/test.h"

enum { THREADS = 4, ROUNDS = 50000, FAMILY = 12 };

static void init(struct ledger *ledger, struct ledger *parent, uint64_t limit) {
    uint64_t limits[LEDGER_RESOURCE_COUNT];
    for (int i = 0; i < LEDGER_RESOURCE_COUNT; i++) {
        limits[i] = limit;
    }
    ledger_init(ledger, parent, limits);
}

TEST(charge_counts_in_all_ancestors) {
    struct ledger root, child, grandchild;
    init(&root, NULL, 100);
    init(&child, &root, 50);
    init(&grandchild, &child, 20);
    CHECK_EQUAL(ledger_charge(&grandchild, LEDGER_FRAMES, 15), CAPOS_OK);
    CHECK_EQUAL(ledger_charge(&child, LEDGER_FRAMES, 10), CAPOS_OK);
    CHECK_EQUAL(ledger_used(&root, LEDGER_FRAMES), 25);
    CHECK_EQUAL(ledger_used(&child, LEDGER_FRAMES), 25);
    CHECK_EQUAL(ledger_used(&grandchild, LEDGER_FRAMES), 15);
    CHECK_EQUAL(ledger_used(&root, LEDGER_SLOTS), 0);
    ledger_refund(&grandchild, LEDGER_FRAMES, 15);
    CHECK_EQUAL(ledger_first_nonzero(&grandchild), LEDGER_RESOURCE_COUNT);
    CHECK_EQUAL(ledger_first_nonzero(&root), LEDGER_FRAMES);
    CHECK_EQUAL(ledger_peak(&root, LEDGER_FRAMES), 25);
}

TEST(refusal_anywhere_charges_nowhere) {
    struct ledger root, child, grandchild;
    init(&root, NULL, 10);
    init(&child, &root, 50);
    init(&grandchild, &child, 50);
    CHECK_EQUAL(ledger_charge(&grandchild, LEDGER_TIMERS, 11), CAPOS_E_OVER_QUOTA);
    CHECK_EQUAL(ledger_charge(&grandchild, LEDGER_TIMERS, 51), CAPOS_E_OVER_QUOTA);
    const struct ledger *all[] = {&root, &child, &grandchild};
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(ledger_used(all[i], LEDGER_TIMERS), 0);
        CHECK_EQUAL(ledger_peak(all[i], LEDGER_TIMERS), 0);
    }
    CHECK_EQUAL(ledger_charge(&grandchild, LEDGER_TIMERS, 10), CAPOS_OK);
    CHECK_EQUAL(ledger_charge(&grandchild, LEDGER_TIMERS, 1), CAPOS_E_OVER_QUOTA);
}

TEST(counts_do_not_overflow) {
    struct ledger root, child;
    init(&root, NULL, UINT64_MAX);
    init(&child, &root, UINT64_MAX);
    CHECK_EQUAL(ledger_charge(&child, LEDGER_FRAMES, UINT64_MAX), CAPOS_OK);
    CHECK_EQUAL(ledger_charge(&child, LEDGER_FRAMES, 1), CAPOS_E_OVER_QUOTA);
    CHECK_EQUAL(ledger_charge(&child, LEDGER_FRAMES, UINT64_MAX), CAPOS_E_OVER_QUOTA);
    CHECK_EQUAL(ledger_used(&root, LEDGER_FRAMES), UINT64_MAX);
    ledger_refund(&child, LEDGER_FRAMES, UINT64_MAX);
    CHECK_EQUAL(ledger_charge(&child, LEDGER_FRAMES, 0), CAPOS_OK);
    CHECK_EQUAL(ledger_first_nonzero(&root), LEDGER_RESOURCE_COUNT);
}

TEST(refund_of_what_was_not_charged_is_caught) {
    struct ledger root;
    init(&root, NULL, 10);
    CHECK_EQUAL(ledger_charge(&root, LEDGER_SLOTS, 3), CAPOS_OK);
    CHECK_ASSERTS(ledger_refund(&root, LEDGER_SLOTS, 4));
}

TEST(what_is_moved_stays_with_the_ancestors) {
    struct ledger root, child, grandchild;
    init(&root, NULL, 100);
    init(&child, &root, 50);
    init(&grandchild, &child, 20);
    CHECK_EQUAL(ledger_charge(&grandchild, LEDGER_SLOTS, 5), CAPOS_OK);
    ledger_move_to_parent(&grandchild, LEDGER_SLOTS, 5);
    CHECK_EQUAL(ledger_first_nonzero(&grandchild), LEDGER_RESOURCE_COUNT);
    CHECK_EQUAL(ledger_used(&child, LEDGER_SLOTS), 5);
    CHECK_EQUAL(ledger_used(&root, LEDGER_SLOTS), 5);
    CHECK_ASSERTS(ledger_move_to_parent(&child, LEDGER_SLOTS, 6));
}

TEST(every_resource_has_a_name) {
    for (uint32_t i = 0; i < LEDGER_RESOURCE_COUNT; i++) {
        for (uint32_t j = 0; j < i; j++) {
            CHECK(strcmp(ledger_resource_name((enum ledger_resource)i),
                         ledger_resource_name((enum ledger_resource)j)) != 0);
        }
    }
    CHECK_STRING(ledger_resource_name(LEDGER_RESOURCE_COUNT), "none");
}

/* What the ledgers of a random tree should read, summed up the slow way. */
static struct ledger family[FAMILY];
static uint64_t own[FAMILY], limit_of[FAMILY], peak_of[FAMILY];

static bool is_within(const struct ledger *ledger, const struct ledger *ancestor) {
    while (ledger != NULL && ledger != ancestor) {
        ledger = ledger->parent;
    }
    return ledger != NULL;
}

static uint64_t model_used(int index) {
    uint64_t sum = 0;
    for (int i = 0; i < FAMILY; i++) {
        sum += is_within(&family[i], &family[index]) ? own[i] : 0;
    }
    return sum;
}

TEST(random_tree_agrees_with_a_model) {
    for (int i = 0; i < FAMILY; i++) {
        struct ledger *parent = i == 0 ? NULL : &family[test_random_below((uint64_t)i)];
        limit_of[i] = 50 + test_random_below(200);
        init(&family[i], parent, limit_of[i]);
        own[i] = peak_of[i] = 0;
    }
    for (int step = 0; step < 20000; step++) {
        int index = (int)test_random_below(FAMILY);
        uint64_t count = test_random_below(40);
        if (test_random_below(5) < 2) {
            count = count < own[index] ? count : own[index];
            ledger_refund(&family[index], LEDGER_FRAMES, count);
            own[index] -= count;
        } else {
            bool fits = true;
            for (int i = 0; i < FAMILY; i++) {
                fits &=
                    !is_within(&family[index], &family[i]) || model_used(i) + count <= limit_of[i];
            }
            status_t status = ledger_charge(&family[index], LEDGER_FRAMES, count);
            CHECK_EQUAL(status, fits ? CAPOS_OK : CAPOS_E_OVER_QUOTA);
            own[index] += fits ? count : 0;
        }
        for (int i = 0; i < FAMILY; i++) {
            CHECK_EQUAL(ledger_used(&family[i], LEDGER_FRAMES), model_used(i));
            peak_of[i] = model_used(i) > peak_of[i] ? model_used(i) : peak_of[i];
            CHECK_EQUAL(ledger_peak(&family[i], LEDGER_FRAMES), peak_of[i]);
        }
    }
}

static struct ledger shared_root, leaves[THREADS];
static _Atomic uint64_t granted, over_limit;

static void *race(void *argument) {
    struct ledger *leaf = argument;
    uint64_t held = 0;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        uint64_t count = i % 7 + 1;
        if (ledger_charge(leaf, LEDGER_FRAMES, count) == CAPOS_OK) {
            granted++;
            held += count;
        }
        over_limit += ledger_used(&shared_root, LEDGER_FRAMES) > 64;
        if (i % 3 == 0) {
            ledger_refund(leaf, LEDGER_FRAMES, held);
            held = 0;
        }
    }
    ledger_refund(leaf, LEDGER_FRAMES, held);
    return NULL;
}

TEST(racing_threads_stay_within_the_limit) {
    pthread_t threads[THREADS];
    init(&shared_root, NULL, 64);
    for (int i = 0; i < THREADS; i++) {
        init(&leaves[i], &shared_root, 40);
        CHECK_EQUAL(pthread_create(&threads[i], NULL, race, &leaves[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_EQUAL(ledger_first_nonzero(&leaves[i]), LEDGER_RESOURCE_COUNT);
    }
    CHECK_EQUAL(ledger_first_nonzero(&shared_root), LEDGER_RESOURCE_COUNT);
    CHECK_EQUAL(over_limit, 0);
    CHECK(granted > THREADS * 1000);
}
