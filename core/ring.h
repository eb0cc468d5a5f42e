#pragma once
/*
 * The kernel's side of a ring: its own counters beside the shared page.
 *
 * Rules
 * - The counters that count live in struct ring_state, in kernel memory. The shared words are read
 *   once each, through the accessors here, and only ever as requests.
 * - A completion slot is reserved before an entry is consumed: ring_take stops short when the
 *   queue has no room for one more answer, so a completion never overflows and is never dropped.
 * - One thread at a time is inside a ring; completions may come from any CPU, under its lock.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capos/abi.h"
#include "core/assert.h"
#include "core/status.h"

struct ring_state {
    struct capos_ring *shared; /* kernel alias of the first page: counters and completions */
    const struct capos_entry *entries; /* of the second, which need not follow it */
    uint32_t submission_head;
    uint32_t completion_tail;
    uint32_t completion_head; /* last value read from the program that made sense */
    uint32_t reserved_count;  /* completions promised to operations in flight */
};

enum ring_take {
    RING_TAKEN,   /* *entry is a private copy */
    RING_EMPTY,   /* nothing is submitted */
    RING_FULL,    /* no completion slot can be promised */
    RING_CORRUPT, /* a counter makes no sense: more submitted than the queue holds, or acknowledged
                     more than was completed. The process is to be ended. */
};

void ring_state_init(struct ring_state *ring, struct capos_ring *shared);

/* Acquire: the entries that the program wrote before it moved submission_tail are seen whole, and
 * it has read the completions before the completion_head that is seen here. */
static inline uint32_t ring_read_shared(const uint32_t *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* Release: pairs with the program's acquire load of submission_head (the slot may be written again)
 * or completion_tail (the completion is whole). */
static inline void ring_publish(uint32_t *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline uint32_t ring_unacknowledged(const struct ring_state *ring) {
    return ring->completion_tail - ring->completion_head;
}

/* False when the program acknowledges what was never completed; then nothing changes. */
static inline bool ring_update_completion_head(struct ring_state *ring) {
    uint32_t head = ring_read_shared(&ring->shared->completion_head);
    if (head - ring->completion_head > ring_unacknowledged(ring)) {
        return false;
    }
    ring->completion_head = head;
    return true;
}

/* Atomic loads, since a plain copy may be read from the shared page again where it is used. */
static inline void ring_copy_entry(struct capos_entry *entry, const struct capos_entry *shared) {
    _Static_assert(sizeof *entry == 8 * sizeof(uint64_t), "eight words");
    const uint64_t *source = (const uint64_t *)(const void *)shared;
    uint64_t *target = (uint64_t *)(void *)entry;
    for (size_t i = 0; i < 8; i++) {
        target[i] = __atomic_load_n(&source[i], __ATOMIC_RELAXED);
    }
}

/* Copies the next entry once and promises it a completion. */
static inline enum ring_take ring_take(struct ring_state *ring, struct capos_entry *entry) {
    uint32_t submitted = ring_read_shared(&ring->shared->submission_tail) - ring->submission_head;
    if (submitted > CAPOS_RING_ENTRIES || !ring_update_completion_head(ring)) {
        return RING_CORRUPT;
    }
    if (submitted == 0) {
        return RING_EMPTY;
    }
    if (ring_unacknowledged(ring) + ring->reserved_count >= CAPOS_RING_COMPLETIONS) {
        return RING_FULL;
    }
    ring_copy_entry(entry, &ring->entries[ring->submission_head % CAPOS_RING_ENTRIES]);
    ring->submission_head++;
    ring->reserved_count++;
    ring_publish(&ring->shared->in_flight, ring->reserved_count);
    ring_publish(&ring->shared->submission_head, ring->submission_head);
    return RING_TAKEN;
}

/* Keeps one promise. */
static inline void ring_complete(struct ring_state *ring,
                                 const struct capos_completion *completion) {
    ASSERT(ring->reserved_count > 0);
    ASSERT(ring_unacknowledged(ring) < CAPOS_RING_COMPLETIONS);
    ring->shared->completions[ring->completion_tail % CAPOS_RING_COMPLETIONS] = *completion;
    __atomic_store_n(&ring->completion_tail, ring->completion_tail + 1, __ATOMIC_RELAXED);
    ring->reserved_count--;
    ring_publish(&ring->shared->in_flight, ring->reserved_count);
    ring_publish(&ring->shared->completion_tail, ring->completion_tail);
}

/* Answers the entries that ask for nothing (NOP, no flags, a deadline of 0 or for ever) and stand
 * first in the queue: at most `most`. Returns how many. Counters that make no sense are left to
 * ring_take. */
uint32_t ring_answer_nops(struct ring_state *ring, uint32_t most);

/* Completions that the program has not acknowledged. A head that makes no sense is for ring_take to
 * tell; here the last good one holds. Changes nothing and, by the ring's thread, needs no lock. */
static inline uint32_t ring_completion_count(const struct ring_state *ring) {
    uint32_t head = ring_read_shared(&ring->shared->completion_head);
    uint32_t unacknowledged =
        __atomic_load_n(&ring->completion_tail, __ATOMIC_RELAXED) - ring->completion_head;
    uint32_t acknowledged = head - ring->completion_head;
    return acknowledged <= unacknowledged ? unacknowledged - acknowledged : unacknowledged;
}

/* Checks what does not depend on the kernel's objects: opcode, flags, reserved words, lengths.
 * Returns 0 or the code to complete the entry with. */
MUST_CHECK status_t ring_entry_check(const struct capos_entry *entry);

/* Unpacks the register form into an entry: control word, capability, arguments, deadline. */
MUST_CHECK status_t ring_entry_from_registers(struct capos_entry *entry, uint64_t control,
                                              uint64_t capability, const uint64_t argument[3],
                                              uint64_t deadline_ns);

void ring_check(const struct ring_state *ring);
