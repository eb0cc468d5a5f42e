#include "core/ring.h"

#include "capos/opcodes.h"

_Static_assert((CAPOS_RING_ENTRIES & (CAPOS_RING_ENTRIES - 1)) == 0, "counters wrap at 2^32");
_Static_assert((CAPOS_RING_COMPLETIONS & (CAPOS_RING_COMPLETIONS - 1)) == 0,
               "counters wrap at 2^32");

#define ENTRY_FLAGS_KNOWN (CAPOS_ENTRY_LINK | CAPOS_ENTRY_INLINE)

void ring_state_init(struct ring_state *ring, struct capos_ring *shared) {
    *ring = (struct ring_state){.shared = shared, .entries = shared->entries};
    shared->submission_tail = 0;
    shared->completion_head = 0;
    shared->in_flight = 0;
    ring_publish(&shared->submission_head, 0);
    ring_publish(&shared->completion_tail, 0);
}

/* True for an entry all of whose words are zero but user_data and a deadline that never matters. It
 * is read here alone if it is answered here, and again by ring_take if not. */
static inline bool is_nop(const struct capos_entry *shared, uint64_t *user_data) {
    _Static_assert(CAPOS_OP_NOP == 0 && CAPOS_POLL == 0 && CAPOS_FOREVER == UINT64_MAX, "zeroes");
    struct capos_entry entry;
    uint64_t head;
    ring_copy_entry(&entry, shared);
    __builtin_memcpy(&head, &entry, sizeof head);
    *user_data = entry.user_data;
    return (head | entry.capability | entry.argument[0] | entry.argument[1] | entry.argument[2] |
            entry.reserved) == 0 &&
           entry.deadline_ns + 1 <= 1;
}

uint32_t ring_answer_nops(struct ring_state *ring, uint32_t most) {
    struct capos_ring *shared = ring->shared;
    const uint32_t head = ring->submission_head, tail = ring->completion_tail;
    uint32_t submitted = ring_read_shared(&shared->submission_tail) - head;
    if (submitted > CAPOS_RING_ENTRIES || !ring_update_completion_head(ring)) {
        return 0;
    }
    uint32_t room = CAPOS_RING_COMPLETIONS - ring_unacknowledged(ring) - ring->reserved_count;
    most = most < submitted ? most : submitted;
    most = most < room ? most : room;
    uint32_t count = 0;
    uint64_t user_data;
    while (count < most &&
           is_nop(&ring->entries[(head + count) % CAPOS_RING_ENTRIES], &user_data)) {
        shared->completions[(tail + count) % CAPOS_RING_COMPLETIONS] =
            (struct capos_completion){.user_data = user_data};
        count++;
    }
    ring->submission_head = head + count;
    __atomic_store_n(&ring->completion_tail, tail + count, __ATOMIC_RELAXED);
    ring_publish(&shared->submission_head, head + count);
    ring_publish(&shared->completion_tail, tail + count);
    return count;
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
    case CAPOS_OP_PARK:
    case CAPOS_OP_UNPARK:
        return check_plain(entry, true, 2);
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
    ASSERT(ring_unacknowledged(ring) <= CAPOS_RING_COMPLETIONS);
    ASSERT(ring_unacknowledged(ring) + ring->reserved_count <= CAPOS_RING_COMPLETIONS);
}
