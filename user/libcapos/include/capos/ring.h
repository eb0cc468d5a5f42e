#pragma once
/*
 * The calling thread's ring: many operations for one entry into the kernel, and operations that go
 * on while the program does something else.
 *
 *   struct capos_ring_client ring;
 *   capos_ring_open(&ring);
 *   struct capos_entry *entry = capos_ring_prepare(&ring);    fill in what is not 0
 *   capos_ring_enter(&ring, 1, CAPOS_FOREVER);                submits, waits for one completion
 *   while (capos_ring_take(&ring, &completion)) ...
 *
 * Rules
 * - One client for each ring, used by the ring's thread alone.
 * - An operation's buffers must stay as they are until its completion.
 * - At most CAPOS_RING_IN_FLIGHT_MAX operations are in flight; entries wait in the queue when the
 *   completion queue is full, and are submitted by the next capos_ring_enter.
 */
#include <stdbool.h>
#include <stdint.h>

#include "capos/abi.h"

struct capos_ring_client {
    struct capos_ring *ring;
    uint32_t submission_tail; /* next entry to fill; runs ahead of the shared word until enter */
    uint32_t completion_head; /* next completion to take */
};

/* The ring of the first thread, as it stands now. */
void capos_ring_open(struct capos_ring_client *client);

/* The next free entry, cleared, with a deadline of CAPOS_FOREVER; NULL when the queue is full. */
struct capos_entry *capos_ring_prepare(struct capos_ring_client *client);

/* Submits what was prepared and waits for wait_count completions or the deadline. Returns how many
 * completions stand, or a negative error. */
int64_t capos_ring_enter(struct capos_ring_client *client, uint32_t wait_count,
                         uint64_t deadline_ns);

/* Takes the oldest completion; false when there is none. */
bool capos_ring_take(struct capos_ring_client *client, struct capos_completion *completion);

/* Completions that stand in the queue. */
uint32_t capos_ring_count(const struct capos_ring_client *client);
