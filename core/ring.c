#include "core/ring.h"

#include <stddef.h>

#include "capos/opcodes.h"
#include "core/assert.h"

_Static_assert((CAPOS_RING_ENTRIES & (CAPOS_RING_ENTRIES - 1)) == 0, "counters wrap at 2^32");
_Static_assert((CAPOS_RING_COMPLETIONS & (CAPOS_RING_COMPLETIONS - 1)) == 0,
               "counters wrap at 2^32");

#define ENTRY_FLAGS_KNOWN (CAPOS_ENTRY_LINK | CAPOS_ENTRY_INLINE)

/* Acquire: the entries that the program wrote before it moved submission_tail are seen whole, and
 * it has read the completions before the completion_head that is seen here. */
static uint32_t read_shared(const uint32_t *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* Release: pairs with the program's acquire load of submission_head (the slot may be written again)
 * or completion_tail (the completion is whole). */
static void publish(uint32_t *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Atomic loads, since a plain copy may be read from the shared page again where it is used. */
static void copy_entry(struct capos_entry *entry, const struct capos_entry *shared) {
    uint64_t words[sizeof *entry / sizeof(uint64_t)];
    const uint64_t *source = (const uint64_t *)(const void *)shared;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        words[i] = __atomic_load_n(&source[i], __ATOMIC_RELAXED);
    }
    __builtin_memcpy(entry, words, sizeof words);
}

static uint32_t unacknowledged(const struct ring_state *ring) {
    return ring->completion_tail - ring->completion_head;
}

/* False when the program acknowledges what was never completed; then nothing changes. */
static bool update_completion_head(struct ring_state *ring) {
    uint32_t head = read_shared(&ring->shared->completion_head);
    if (head - ring->completion_head > unacknowledged(ring)) {
        return false;
    }
    ring->completion_head = head;
    return true;
}

void ring_state_init(struct ring_state *ring, struct capos_ring *shared) {
    *ring = (struct ring_state){.shared = shared, .entries = shared->entries};
    shared->submission_tail = 0;
    shared->completion_head = 0;
    shared->in_flight = 0;
    publish(&shared->submission_head, 0);
    publish(&shared->completion_tail, 0);
}

enum ring_take ring_take(struct ring_state *ring, struct capos_entry *entry) {
    uint32_t submitted = read_shared(&ring->shared->submission_tail) - ring->submission_head;
    if (submitted > CAPOS_RING_ENTRIES || !update_completion_head(ring)) {
        return RING_CORRUPT;
    }
    if (submitted == 0) {
        return RING_EMPTY;
    }
    if (unacknowledged(ring) + ring->reserved_count >= CAPOS_RING_COMPLETIONS) {
        return RING_FULL;
    }
    copy_entry(entry, &ring->entries[ring->submission_head % CAPOS_RING_ENTRIES]);
    ring->submission_head++;
    ring->reserved_count++;
    publish(&ring->shared->in_flight, ring->reserved_count);
    publish(&ring->shared->submission_head, ring->submission_head);
    return RING_TAKEN;
}

void ring_complete(struct ring_state *ring, const struct capos_completion *completion) {
    ASSERT(ring->reserved_count > 0);
    ASSERT(unacknowledged(ring) < CAPOS_RING_COMPLETIONS);
    ring->shared->completions[ring->completion_tail % CAPOS_RING_COMPLETIONS] = *completion;
    ring->completion_tail++;
    ring->reserved_count--;
    publish(&ring->shared->in_flight, ring->reserved_count);
    publish(&ring->shared->completion_tail, ring->completion_tail);
}

uint32_t ring_completion_count(struct ring_state *ring) {
    /* A head that makes no sense is for ring_take to tell; until then the last good one holds. */
    (void)update_completion_head(ring);
    return unacknowledged(ring);
}

static bool arguments_are_zero(const struct capos_entry *entry, size_t first) {
    for (size_t i = first; i < 3; i++) {
        if (entry->argument[i] != 0) {
            return false;
        }
    }
    return true;
}

static status_t check_call(const struct capos_entry *entry) {
    if ((entry->flags & CAPOS_ENTRY_INLINE) != 0) {
        return entry->length == 0 ? CAPOS_OK : CAPOS_E_BAD_MESSAGE;
    }
    if (entry->length > CAPOS_MESSAGE_BYTES_MAX) {
        return CAPOS_E_TOO_LARGE;
    }
    if (entry->length == 0 || entry->length % sizeof(uint64_t) != 0) {
        return CAPOS_E_BAD_MESSAGE;
    }
    return CAPOS_OK;
}

/* What an opcode does not use must be zero: it is reserved for its later versions. */
static status_t check_plain(const struct capos_entry *entry, bool has_capability,
                            size_t argument_count) {
    if ((entry->flags & CAPOS_ENTRY_INLINE) != 0 || entry->method != 0 || entry->length != 0 ||
        (!has_capability && entry->capability != CAPOS_CAP_NONE) ||
        !arguments_are_zero(entry, argument_count)) {
        return CAPOS_E_BAD_FLAGS;
    }
    return CAPOS_OK;
}

status_t ring_entry_check(const struct capos_entry *entry) {
    if ((entry->flags & ~ENTRY_FLAGS_KNOWN) != 0 || entry->reserved != 0) {
        return CAPOS_E_BAD_FLAGS;
    }
    switch (entry->opcode) {
    case CAPOS_OP_NOP:
        return check_plain(entry, false, 0);
    case CAPOS_OP_CALL:
        return check_call(entry);
    case CAPOS_OP_RELEASE:
        return check_plain(entry, true, 0);
    case CAPOS_OP_CANCEL:
        return check_plain(entry, false, 1);
    default:
        return CAPOS_E_BAD_OPCODE;
    }
}

status_t ring_entry_from_registers(struct capos_entry *entry, uint64_t control, uint64_t capability,
                                   const uint64_t argument[3], uint64_t deadline_ns) {
    uint8_t flags = (uint8_t)(control >> CAPOS_ENTER_FLAGS_SHIFT);
    /* There is no next entry that a link could hold back. */
    if ((control & CAPOS_ENTER_REGISTER) == 0 || (control & CAPOS_ENTER_RESERVED) != 0 ||
        (flags & CAPOS_ENTRY_LINK) != 0) {
        return CAPOS_E_BAD_FLAGS;
    }
    *entry = (struct capos_entry){
        .opcode = (uint8_t)(control >> CAPOS_ENTER_OPCODE_SHIFT),
        .flags = flags,
        .method = (uint16_t)(control >> CAPOS_ENTER_METHOD_SHIFT),
        .length = (uint32_t)(control >> CAPOS_ENTER_LENGTH_SHIFT & CAPOS_ENTER_LENGTH_MAX),
        .capability = capability,
        .argument = {argument[0], argument[1], argument[2]},
        .deadline_ns = deadline_ns,
    };
    return CAPOS_OK;
}

void ring_check(const struct ring_state *ring) {
    ASSERT(ring->shared != NULL);
    ASSERT(unacknowledged(ring) <= CAPOS_RING_COMPLETIONS);
    ASSERT(unacknowledged(ring) + ring->reserved_count <= CAPOS_RING_COMPLETIONS);
}
