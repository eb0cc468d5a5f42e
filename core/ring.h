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
#include <stdint.h>

#include "capos/abi.h"
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

/* Copies the next entry once and promises it a completion. */
enum ring_take ring_take(struct ring_state *ring, struct capos_entry *entry);

/* Keeps one promise. */
void ring_complete(struct ring_state *ring, const struct capos_completion *completion);

/* Completions that the program has not acknowledged; RING_CORRUPT is told by ring_take alone. */
uint32_t ring_completion_count(struct ring_state *ring);

/* Checks what does not depend on the kernel's objects: opcode, flags, reserved words, lengths.
 * Returns 0 or the code to complete the entry with. */
MUST_CHECK status_t ring_entry_check(const struct capos_entry *entry);

/* Unpacks the register form into an entry: control word, capability, arguments, deadline. */
MUST_CHECK status_t ring_entry_from_registers(struct capos_entry *entry, uint64_t control,
                                              uint64_t capability, const uint64_t argument[3],
                                              uint64_t deadline_ns);

void ring_check(const struct ring_state *ring);
