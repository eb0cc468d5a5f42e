#pragma once
/*
 * A thread's ring: many operations for one entry into the kernel, and operations that go on while
 * the program does something else.
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
 *
 * The shared words and what their accesses pair with:
 *   submission_tail  our store-release       with the kernel's load-acquire in ring_take: an entry
 *                                            is whole before it is seen
 *   submission_head  our load-acquire        with the kernel's store-release after it copied the
 *                                            entry: a slot is free before we write to it
 *   completion_tail  our load-acquire        with the kernel's store-release in ring_complete: a
 *                                            completion is whole before it is read
 *   completion_head  our store-release       with the kernel's load-acquire: a completion was read
 *                                            before its slot is used again
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capos/abi.h"
#include "capos/invoke.h"
#include "capos/linkage.h"
#include "capos/opcodes.h"

CAPOS_LINKAGE_BEGIN

struct capos_ring_client {
    struct capos_ring *ring;
    uint32_t submission_tail;  /* next entry to fill; runs ahead of the shared word until enter */
    uint32_t submission_limit; /* entries before this one were free when last looked */
};

/* The ring at this address, as it stands now. */
static inline void capos_ring_open_at(struct capos_ring_client *client, struct capos_ring *ring) {
    *client = (struct capos_ring_client){
        .ring = ring,
        .submission_tail = ring->submission_tail,
        .submission_limit = ring->submission_tail,
    };
}

/* The ring of the calling thread. Threads that were not made by capos/threads.h set this to theirs,
 * or use capos_ring_open_at; NULL stands for the first thread's. */
extern _Thread_local struct capos_ring *capos_thread_ring;
void capos_ring_open(struct capos_ring_client *client);

/* Looks for free entries; false when there is none. */
static inline bool capos_ring_find_room(struct capos_ring_client *client) {
    uint32_t head = __atomic_load_n(&client->ring->submission_head, __ATOMIC_ACQUIRE);
    client->submission_limit = head + CAPOS_RING_ENTRIES;
    return client->submission_tail != client->submission_limit;
}

/* The next free entry, cleared, with a deadline of CAPOS_FOREVER; NULL when the queue is full. */
static inline struct capos_entry *capos_ring_prepare(struct capos_ring_client *client) {
    /* Two words at a time: four stores. */
    typedef uint64_t pair __attribute__((vector_size(16), may_alias));
    uint32_t tail = client->submission_tail;
    if (__builtin_expect(tail == client->submission_limit, 0) && !capos_ring_find_room(client)) {
        return NULL;
    }
    client->submission_tail = tail + 1;
    struct capos_entry *entry = &client->ring->entries[tail % CAPOS_RING_ENTRIES];
    pair *words = (pair *)entry;
    words[0] = words[1] = words[2] = (pair){0, 0};
    words[3] = (pair){CAPOS_FOREVER, 0};
    return entry;
}
_Static_assert(offsetof(struct capos_entry, deadline_ns) == 48, "the first word of the last pair");

/* The same for a call of a method whose parameters stand in the entry, in argument[]. */
static inline struct capos_entry *capos_ring_prepare_call(struct capos_ring_client *client,
                                                          capos_cap_t capability, uint16_t method) {
    struct capos_entry *entry = capos_ring_prepare(client);
    if (entry != NULL) {
        entry->opcode = CAPOS_OP_CALL;
        entry->flags = CAPOS_ENTRY_INLINE;
        entry->method = method;
        entry->capability = capability;
    }
    return entry;
}

/* Submits what was prepared and waits for wait_count completions or the deadline. Returns how many
 * completions stand, or a negative error. */
static inline int64_t capos_ring_enter(struct capos_ring_client *client, uint32_t wait_count,
                                       uint64_t deadline_ns) {
    struct capos_ring *ring = client->ring;
    uint32_t tail = client->submission_tail;
    __atomic_store_n(&ring->submission_tail, tail, __ATOMIC_RELEASE);
    uint32_t head = __atomic_load_n(&ring->submission_head, __ATOMIC_ACQUIRE);
    return capos_enter(tail - head, wait_count, deadline_ns);
}

/* Completions that stand in the queue. */
static inline uint32_t capos_ring_count(const struct capos_ring_client *client) {
    return __atomic_load_n(&client->ring->completion_tail, __ATOMIC_ACQUIRE) -
           client->ring->completion_head;
}

/* Takes the oldest completion; false when there is none. */
static inline bool capos_ring_take(struct capos_ring_client *client,
                                   struct capos_completion *completion) {
    struct capos_ring *ring = client->ring;
    uint32_t head = ring->completion_head;
    if (__atomic_load_n(&ring->completion_tail, __ATOMIC_ACQUIRE) == head) {
        return false;
    }
    *completion = ring->completions[head % CAPOS_RING_COMPLETIONS];
    __atomic_store_n(&ring->completion_head, head + 1, __ATOMIC_RELEASE);
    return true;
}

CAPOS_LINKAGE_END
