#include "core/captable.h"

#include "tests/host/test.h"

enum { CHUNKS = 4, SLOTS = CHUNKS * (int)CAPTABLE_CHUNK_SLOTS, STEPS = 200000 };

static struct captable table;
/* Index of the table, index of this array. */
static struct captable_slot slots[CAPTABLE_SLOTS_MAX];
static int object, interface;

static void start(uint32_t chunk_count) {
    memset(slots, 0, sizeof slots);
    captable_init(&table);
    for (uint32_t i = 0; i < chunk_count; i++) {
        CHECK_EQUAL(captable_add_chunk(&table, &slots[i * CAPTABLE_CHUNK_SLOTS]), CAPOS_OK);
    }
    captable_check(&table);
}

static uint64_t reserve(void) {
    uint64_t id = 0;
    CHECK_EQUAL(captable_reserve(&table, &id), CAPOS_OK);
    CHECK(id != 0);
    return id;
}

static uint64_t install(uint64_t badge) {
    uint64_t id = reserve();
    captable_commit(&table, id, &object, &interface, badge, 7);
    return id;
}

TEST(slot_holds_what_was_committed) {
    start(1);
    uint64_t id = install(42);
    const struct captable_slot *slot = captable_lookup(&table, id);
    CHECK(slot != NULL);
    CHECK(slot->object == &object && slot->interface == &interface);
    CHECK_EQUAL(slot->badge, 42);
    CHECK_EQUAL(slot->epoch, 7);
    CHECK_EQUAL(table.live_count, 1);
}

TEST(stale_id_is_refused_for_ever) {
    start(1);
    uint64_t stale = install(1);
    struct captable_slot removed;
    CHECK_EQUAL(captable_remove(&table, stale, &removed), CAPOS_OK);
    CHECK_EQUAL(removed.badge, 1);
    for (int i = 0; i < 1000; i++) {
        uint64_t id = install(2);
        CHECK_EQUAL((uint32_t)id, (uint32_t)stale);
        CHECK(captable_lookup(&table, stale) == NULL);
        CHECK_EQUAL(captable_remove(&table, stale, &removed), CAPOS_E_BAD_CAPABILITY);
        CHECK_EQUAL(captable_move_begin(&table, stale), CAPOS_E_BAD_CAPABILITY);
        CHECK_EQUAL(captable_remove(&table, id, &removed), CAPOS_OK);
    }
}

TEST(made_up_ids_are_refused) {
    start(2);
    uint64_t id = install(0);
    CHECK(captable_lookup(&table, 0) == NULL);
    CHECK(captable_lookup(&table, UINT64_MAX) == NULL);
    CHECK(captable_lookup(&table, id & UINT32_MAX) == NULL);
    for (int bit = 0; bit < 64; bit++) {
        CHECK(captable_lookup(&table, id ^ UINT64_C(1) << bit) == NULL);
    }
    /* The masked index names the same slot: it must not be taken for it. */
    CHECK(captable_lookup(&table, id + CAPTABLE_SLOTS_MAX) == NULL);
    /* Beyond the chunks that there are. */
    CHECK(captable_lookup(&table, UINT64_C(1) << 32 | 3 * CAPTABLE_CHUNK_SLOTS) == NULL);
}

TEST(slot_with_a_used_up_generation_is_retired) {
    start(1);
    slots[0].generation = CAPTABLE_GENERATION_MAX;
    uint64_t last = install(0);
    CHECK_EQUAL(last, (uint64_t)CAPTABLE_GENERATION_MAX << 32);
    struct captable_slot removed;
    CHECK_EQUAL(captable_remove(&table, last, &removed), CAPOS_OK);
    CHECK_EQUAL(slots[0].state, CAPTABLE_RETIRED);
    captable_check(&table);
    for (uint32_t i = 1; i < CAPTABLE_CHUNK_SLOTS; i++) {
        CHECK((uint32_t)install(0) != 0);
    }
    CHECK(captable_is_full(&table));
    CHECK(captable_lookup(&table, last) == NULL);
}

TEST(table_is_full_without_chunks_and_at_its_limit) {
    start(0);
    uint64_t id = 99;
    CHECK(captable_is_full(&table));
    CHECK_EQUAL(captable_reserve(&table, &id), CAPOS_E_NO_SLOT);
    CHECK_EQUAL(id, 99);
    start(CAPTABLE_CHUNKS_MAX);
    struct captable_slot more[CAPTABLE_CHUNK_SLOTS] = {0};
    CHECK_EQUAL(captable_add_chunk(&table, more), CAPOS_E_TOO_LARGE);
    for (uint32_t i = 0; i < CAPTABLE_SLOTS_MAX; i++) {
        id = install(i);
        CHECK_EQUAL(captable_lookup(&table, id)->badge, i);
    }
    CHECK(captable_is_full(&table));
    CHECK_EQUAL(captable_reserve(&table, &id), CAPOS_E_NO_SLOT);
    captable_check(&table);
}

TEST(move_refuses_the_id_until_it_is_rolled_back) {
    start(1);
    uint64_t id = install(5);
    CHECK_EQUAL(captable_move_begin(&table, id), CAPOS_OK);
    CHECK(captable_lookup(&table, id) == NULL);
    CHECK_EQUAL(captable_move_begin(&table, id), CAPOS_E_BAD_CAPABILITY);
    captable_check(&table);
    captable_move_rollback(&table, id);
    CHECK_EQUAL(captable_lookup(&table, id)->badge, 5);
    CHECK_EQUAL(captable_move_begin(&table, id), CAPOS_OK);
    struct captable_slot removed;
    captable_move_commit(&table, id, &removed);
    CHECK_EQUAL(removed.badge, 5);
    CHECK(captable_lookup(&table, id) == NULL);
    CHECK_EQUAL(table.live_count, 0);
}

TEST(misuse_by_the_kernel_is_caught) {
    start(1);
    uint64_t id = install(0);
    CHECK_ASSERTS(captable_commit(&table, id, &object, &interface, 0, 0));
    CHECK_ASSERTS(captable_unreserve(&table, id));
    CHECK_ASSERTS(captable_move_rollback(&table, id));
    uint64_t reserved = reserve();
    CHECK_ASSERTS(captable_commit(&table, reserved, NULL, &interface, 0, 0));
    captable_unreserve(&table, reserved);
    CHECK_ASSERTS(captable_unreserve(&table, reserved));
    slots[1].state = CAPTABLE_LIVE;
    CHECK_ASSERTS(captable_check(&table));
}

/* What the table should hold, in the simplest form: every id ever given, and what became of it. */
struct model_slot {
    uint64_t id, badge;
    enum captable_state state;
};
static struct model_slot model[SLOTS];
static uint32_t model_count;
static uint64_t stale_ids[STEPS];
static uint32_t stale_count;

static void model_forget(uint32_t index) {
    stale_ids[stale_count++] = model[index].id;
    model[index] = model[--model_count];
}

static uint32_t count_retired(void) {
    uint32_t count = 0;
    for (int i = 0; i < SLOTS; i++) {
        count += slots[i].state == CAPTABLE_RETIRED;
    }
    return count;
}

static void step_add(void) {
    if (captable_is_full(&table)) {
        CHECK_EQUAL(model_count + count_retired(), SLOTS);
        return;
    }
    model[model_count++] = (struct model_slot){.id = reserve(), .state = CAPTABLE_RESERVED};
}

static void step_change(struct model_slot *slot, uint32_t index) {
    struct captable_slot removed;
    bool forward = test_random_below(2) != 0;
    switch (slot->state) {
    case CAPTABLE_RESERVED:
        if (forward) {
            slot->badge = test_random();
            captable_commit(&table, slot->id, &object, &interface, slot->badge, 0);
            slot->state = CAPTABLE_LIVE;
        } else {
            captable_unreserve(&table, slot->id);
            model_forget(index);
        }
        break;
    case CAPTABLE_LIVE:
        if (forward) {
            CHECK_EQUAL(captable_move_begin(&table, slot->id), CAPOS_OK);
            slot->state = CAPTABLE_IN_TRANSIT;
        } else {
            CHECK_EQUAL(captable_remove(&table, slot->id, &removed), CAPOS_OK);
            CHECK_EQUAL(removed.badge, slot->badge);
            model_forget(index);
        }
        break;
    default:
        if (forward) {
            captable_move_commit(&table, slot->id, &removed);
            CHECK_EQUAL(removed.badge, slot->badge);
            model_forget(index);
        } else {
            captable_move_rollback(&table, slot->id);
            slot->state = CAPTABLE_LIVE;
        }
        break;
    }
}

/* Makes the next slot to be given out an old one, until half of them are retired. */
static void step_age(void) {
    if (table.free_head == 0 || count_retired() >= SLOTS / 2) {
        return;
    }
    struct captable_slot *slot = &slots[table.free_head - 1];
    if (slot->generation < CAPTABLE_GENERATION_MAX - 3) {
        slot->generation = CAPTABLE_GENERATION_MAX - 3;
    }
}

static void compare_with_model(void) {
    uint32_t live = 0, held = 0, cursor = 0, visited = 0;
    uint64_t id = 0;
    for (uint32_t i = 0; i < model_count; i++) {
        const struct captable_slot *slot = captable_lookup(&table, model[i].id);
        CHECK((slot != NULL) == (model[i].state == CAPTABLE_LIVE));
        CHECK(slot == NULL || slot->badge == model[i].badge);
        live += slot != NULL;
        held += slot != NULL || model[i].state == CAPTABLE_IN_TRANSIT;
    }
    while (captable_next(&table, &cursor, &id) != NULL) {
        live -= captable_lookup(&table, id) != NULL;
        visited++;
    }
    CHECK_EQUAL(live, 0);
    CHECK_EQUAL(visited, held);
    CHECK_EQUAL(table.live_count, model_count);
    captable_check(&table);
}

TEST(random_operations_agree_with_a_model) {
    start(CHUNKS);
    model_count = 0;
    stale_count = 0;
    for (int i = 0; i < STEPS; i++) {
        uint64_t choice = test_random_below(100);
        if (choice == 99) {
            step_age();
        } else if (model_count == 0 || choice < 35) {
            step_add();
        } else {
            uint32_t index = (uint32_t)test_random_below(model_count);
            step_change(&model[index], index);
        }
        if (stale_count > 0) {
            CHECK(captable_lookup(&table, stale_ids[test_random_below(stale_count)]) == NULL);
        }
        if (i % 64 == 0) {
            compare_with_model();
        }
    }
    CHECK(count_retired() > 0 && stale_count > 1000);
}
