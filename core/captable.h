#pragma once
/*
 * The capability table of one process: slots that hold an object, seen through an interface.
 *
 * Rules
 * - The caller holds the table's lock for every function but captable_lookup's readers, which may
 *   run beside each other; it provides all memory, in chunks of CAPTABLE_CHUNK_SLOTS slots.
 * - An id is (generation << 32 | index); generations start at 1, so that 0 is never an id.
 * - A slot whose generation is used up is retired: it is never handed out again.
 * - The index that comes with an id is a program's word: it is masked before use (speculation).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

#define CAPTABLE_CHUNK_SLOTS 64u
#define CAPTABLE_CHUNKS_MAX 256u
#define CAPTABLE_SLOTS_MAX (CAPTABLE_CHUNK_SLOTS * CAPTABLE_CHUNKS_MAX)
#define CAPTABLE_GENERATION_MAX UINT32_MAX

enum captable_state {
    CAPTABLE_FREE = 0,
    CAPTABLE_LIVE = 1,
    CAPTABLE_RESERVED = 2,   /* id is fixed, look-up refuses it: destination of a transfer */
    CAPTABLE_IN_TRANSIT = 3, /* source of a move: refused until commit or rollback */
    CAPTABLE_RETIRED = 4,
};

struct captable_slot {
    void *object;          /* the environment's object; not looked at here */
    const void *interface; /* the generated interface record; not looked at here */
    uint64_t badge;
    uint32_t generation;
    uint32_t epoch;     /* of the object when the slot was filled */
    uint32_t next_free; /* index + 1 of the next free slot, 0 at the end */
    uint8_t state;      /* enum captable_state */
    uint8_t used;       /* an operation went through this slot */
    uint8_t reserved[2];
    uint8_t pad[24];
};
_Static_assert(sizeof(struct captable_slot) == 64, "a slot is a cache line");

struct captable {
    struct captable_slot *chunks[CAPTABLE_CHUNKS_MAX];
    uint32_t chunk_count;
    uint32_t live_count; /* LIVE, RESERVED and IN_TRANSIT */
    uint32_t free_head;  /* index + 1, 0 when there is none */
    uint32_t changes;    /* of live slots to something else: while it stays, what was found holds */
};

void captable_init(struct captable *table);

/* Adds memory for CAPTABLE_CHUNK_SLOTS more slots, zeroed by the caller. tooLarge at the limit. */
MUST_CHECK status_t captable_add_chunk(struct captable *table, struct captable_slot *chunk);

/* True when the next reserve needs a chunk first. */
bool captable_is_full(const struct captable *table);

/* Takes a free slot and fixes its id. noSlot when captable_is_full. */
MUST_CHECK status_t captable_reserve(struct captable *table, uint64_t *id_out);

/* Fills a reserved slot: it is live from now on. */
void captable_commit(struct captable *table, uint64_t id, void *object, const void *interface,
                     uint64_t badge, uint32_t epoch);

/* Gives a reserved slot back unused; the id is stale afterwards. */
void captable_unreserve(struct captable *table, uint64_t id);

/*
 * The live slot of an id, or NULL: empty, stale, made up, reserved or in transit. Without the lock,
 * the slot may be emptied, and filled again, at any moment: what is read from it by acquire loads
 * belongs to the id if another look-up finds the slot afterwards.
 */
static inline struct captable_slot *captable_lookup(const struct captable *table, uint64_t id) {
    uint32_t index = (uint32_t)id & (CAPTABLE_SLOTS_MAX - 1);
    /* Pairs with the store in captable_add_chunk. */
    struct captable_slot *chunk =
        __atomic_load_n(&table->chunks[index / CAPTABLE_CHUNK_SLOTS], __ATOMIC_ACQUIRE);
    if (chunk == NULL || index != (uint32_t)id) {
        return NULL;
    }
    struct captable_slot *slot = &chunk[index % CAPTABLE_CHUNK_SLOTS];
    /* The generation first: generations only rise, so who finds it unchanged later knows that the
     * slot was live under this id. The other way round, a state from before the slot was emptied
     * would pass together with the generation from after it, of a slot that holds nothing yet. The
     * state pairs with the store that made the slot live. */
    if (__atomic_load_n(&slot->generation, __ATOMIC_ACQUIRE) != id >> 32 ||
        __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) != CAPTABLE_LIVE) {
        return NULL;
    }
    return slot;
}

/* Empties a live slot; *removed is what it held. badCapability as captable_lookup. */
MUST_CHECK status_t captable_remove(struct captable *table, uint64_t id,
                                    struct captable_slot *removed);

/* A move: begin refuses the id until commit empties the slot or rollback makes it live again. */
MUST_CHECK status_t captable_move_begin(struct captable *table, uint64_t id);
void captable_move_commit(struct captable *table, uint64_t id, struct captable_slot *removed);
void captable_move_rollback(struct captable *table, uint64_t id);

/* Visits the slots that hold something, live or in transit, from index *cursor (0 at first); NULL
 * at the end. *id_out is the slot's id. */
struct captable_slot *captable_next(const struct captable *table, uint32_t *cursor,
                                    uint64_t *id_out);

/* Walks everything and asserts the invariants. */
void captable_check(const struct captable *table);
