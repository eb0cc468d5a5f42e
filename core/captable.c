#include "core/captable.h"

#include "core/assert.h"

static struct captable_slot *slot_at(const struct captable *table, uint32_t index) {
    ASSERT(index < table->chunk_count * CAPTABLE_CHUNK_SLOTS);
    return &table->chunks[index / CAPTABLE_CHUNK_SLOTS][index % CAPTABLE_CHUNK_SLOTS];
}

static uint64_t id_of(const struct captable_slot *slot, uint32_t index) {
    return (uint64_t)slot->generation << 32 | index;
}

/* An id that was good is not any more. Relaxed: who looks at the same time looks before it. */
static void count_change(struct captable *table) {
    __atomic_store_n(&table->changes, table->changes + 1, __ATOMIC_RELAXED);
}

/* Pairs with the load in captable_lookup: who sees LIVE sees what the slot holds. */
static void set_state(struct captable_slot *slot, enum captable_state state) {
    __atomic_store_n(&slot->state, (uint8_t)state, __ATOMIC_RELEASE);
}

/* The slot of an id that the caller itself got from captable_reserve or captable_move_begin. */
static struct captable_slot *slot_in_state(const struct captable *table, uint64_t id,
                                           enum captable_state state) {
    struct captable_slot *slot = slot_at(table, (uint32_t)id);
    ASSERT(slot->generation == id >> 32);
    ASSERT(slot->state == state);
    return slot;
}

static void push_free(struct captable *table, struct captable_slot *slot, uint32_t index) {
    slot->next_free = table->free_head;
    table->free_head = index + 1;
}

/* Makes the slot's id stale for ever: no later id of this slot has the same generation. */
static void empty_slot(struct captable *table, struct captable_slot *slot, uint32_t index) {
    ASSERT(table->live_count > 0);
    table->live_count--;
    count_change(table);
    slot->used = 0;
    if (slot->generation == CAPTABLE_GENERATION_MAX) {
        set_state(slot, CAPTABLE_RETIRED);
    } else {
        set_state(slot, CAPTABLE_FREE);
        __atomic_store_n(&slot->generation, slot->generation + 1, __ATOMIC_RELEASE);
        push_free(table, slot, index);
    }
    /* release: pairs with the loads of who looked the slot up without the lock; if he finds this,
     * he finds the generation changed when he looks again. */
    __atomic_store_n(&slot->object, NULL, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->interface, NULL, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->badge, 0, __ATOMIC_RELEASE);
    slot->epoch = 0;
}

void captable_init(struct captable *table) {
    *table = (struct captable){0};
}

status_t captable_add_chunk(struct captable *table, struct captable_slot *chunk) {
    if (table->chunk_count == CAPTABLE_CHUNKS_MAX) {
        return CAPOS_E_TOO_LARGE;
    }
    uint32_t first = table->chunk_count * CAPTABLE_CHUNK_SLOTS;
    for (uint32_t i = CAPTABLE_CHUNK_SLOTS; i-- > 0;) {
        ASSERT(chunk[i].state == CAPTABLE_FREE && chunk[i].generation == 0);
        chunk[i].generation = 1;
        push_free(table, &chunk[i], first + i);
    }
    /* Pairs with the load in captable_lookup: the slots are in order before they can be reached. */
    __atomic_store_n(&table->chunks[table->chunk_count], chunk, __ATOMIC_RELEASE);
    table->chunk_count++;
    return CAPOS_OK;
}

bool captable_is_full(const struct captable *table) {
    return table->free_head == 0;
}

status_t captable_reserve(struct captable *table, uint64_t *id_out) {
    if (captable_is_full(table)) {
        return CAPOS_E_NO_SLOT;
    }
    uint32_t index = table->free_head - 1;
    struct captable_slot *slot = slot_at(table, index);
    ASSERT(slot->state == CAPTABLE_FREE);
    table->free_head = slot->next_free;
    slot->next_free = 0;
    table->live_count++;
    set_state(slot, CAPTABLE_RESERVED);
    *id_out = id_of(slot, index);
    return CAPOS_OK;
}

void captable_commit(struct captable *table, uint64_t id, void *object, const void *interface,
                     uint64_t badge, uint32_t epoch) {
    struct captable_slot *slot = slot_in_state(table, id, CAPTABLE_RESERVED);
    ASSERT(object != NULL);
    slot->object = object;
    slot->interface = interface;
    slot->badge = badge;
    slot->epoch = epoch;
    set_state(slot, CAPTABLE_LIVE);
}

void captable_unreserve(struct captable *table, uint64_t id) {
    empty_slot(table, slot_in_state(table, id, CAPTABLE_RESERVED), (uint32_t)id);
}

status_t captable_remove(struct captable *table, uint64_t id, struct captable_slot *removed) {
    struct captable_slot *slot = captable_lookup(table, id);
    if (slot == NULL) {
        return CAPOS_E_BAD_CAPABILITY;
    }
    *removed = *slot;
    empty_slot(table, slot, (uint32_t)id);
    return CAPOS_OK;
}

status_t captable_move_begin(struct captable *table, uint64_t id) {
    struct captable_slot *slot = captable_lookup(table, id);
    if (slot == NULL) {
        return CAPOS_E_BAD_CAPABILITY;
    }
    set_state(slot, CAPTABLE_IN_TRANSIT);
    count_change(table);
    return CAPOS_OK;
}

void captable_move_commit(struct captable *table, uint64_t id, struct captable_slot *removed) {
    struct captable_slot *slot = slot_in_state(table, id, CAPTABLE_IN_TRANSIT);
    *removed = *slot;
    empty_slot(table, slot, (uint32_t)id);
}

void captable_move_rollback(struct captable *table, uint64_t id) {
    set_state(slot_in_state(table, id, CAPTABLE_IN_TRANSIT), CAPTABLE_LIVE);
}

struct captable_slot *captable_next(const struct captable *table, uint32_t *cursor,
                                    uint64_t *id_out) {
    while (*cursor < table->chunk_count * CAPTABLE_CHUNK_SLOTS) {
        uint32_t index = (*cursor)++;
        struct captable_slot *slot = slot_at(table, index);
        if (slot->state == CAPTABLE_LIVE || slot->state == CAPTABLE_IN_TRANSIT) {
            *id_out = id_of(slot, index);
            return slot;
        }
    }
    return NULL;
}

static uint32_t check_free_list(const struct captable *table) {
    uint32_t length = 0;
    for (uint32_t head = table->free_head; head != 0;) {
        const struct captable_slot *slot = slot_at(table, head - 1);
        ASSERT(slot->state == CAPTABLE_FREE);
        length++;
        ASSERT(length <= table->chunk_count * CAPTABLE_CHUNK_SLOTS);
        head = slot->next_free;
    }
    return length;
}

void captable_check(const struct captable *table) {
    uint32_t count[CAPTABLE_RETIRED + 1] = {0};
    ASSERT(table->chunk_count <= CAPTABLE_CHUNKS_MAX);
    for (uint32_t i = 0; i < CAPTABLE_CHUNKS_MAX; i++) {
        ASSERT((table->chunks[i] != NULL) == (i < table->chunk_count));
    }
    for (uint32_t i = 0; i < table->chunk_count * CAPTABLE_CHUNK_SLOTS; i++) {
        const struct captable_slot *slot = slot_at(table, i);
        ASSERT(slot->state <= CAPTABLE_RETIRED);
        ASSERT(slot->generation != 0);
        bool holds = slot->state == CAPTABLE_LIVE || slot->state == CAPTABLE_IN_TRANSIT;
        ASSERT(holds == (slot->object != NULL));
        ASSERT(slot->state != CAPTABLE_RETIRED || slot->generation == CAPTABLE_GENERATION_MAX);
        count[slot->state]++;
    }
    ASSERT(count[CAPTABLE_FREE] == check_free_list(table));
    ASSERT(table->live_count ==
           count[CAPTABLE_LIVE] + count[CAPTABLE_RESERVED] + count[CAPTABLE_IN_TRANSIT]);
}
