#pragma once
/*
 * PARK and UNPARK: waiting on words of memory (design in core/park_queue.h).
 *
 * Rules
 * - Lock order: space->lock -> the buckets' locks -> space->parked_lock; a thread's ring_lock and
 *   the timers come after a bucket's lock.
 * - Whoever takes pages away from a program, or the right to read them, calls park_drain_range in
 *   the critical section of space->lock that does so.
 */
#include "capos/abi.h"
#include "kernel/types.h"

struct thread;
struct process;
struct space;
struct operation;

void park_init(void);

/* PARK of the thread that runs here, with an operation that is prepared. PARK_PENDING: it waits;
 * otherwise the operation is the caller's again. */
#define PARK_PENDING 1
MUST_CHECK status_t park_wait(struct thread *thread, uint64_t capability, uint64_t address,
                              uint64_t expected, struct operation *operation);

/* UNPARK of the thread that runs here. */
struct park_reply {
    int64_t result;
    uint64_t woken;
};
MUST_CHECK struct park_reply park_wake(struct thread *thread, uint64_t capability, uint64_t address,
                                       uint64_t count);

/* Wakes everybody who is parked at a word of the process, privately. */
void park_wake_all(struct process *process, uint64_t address);

/* ParkSpace.requeue: valueChanged when the word does not hold `expected`. */
struct park_requeue {
    uint64_t address, target, wake_count, move_count;
    uint32_t expected;
};
MUST_CHECK status_t park_requeue(struct space *space, const struct park_requeue *request,
                                 uint64_t *woken_out, uint64_t *moved_out);

/* Ends every wait on words in [address, address + size) of the space with memoryGone. The caller
 * holds space->lock. */
void park_drain_range(struct space *space, uint64_t address, uint64_t size);

/* For whoever gives a page another frame, with the same contents: waits on its words go on. The
 * caller holds space->lock, and lets go of the old frame after this. */
void park_forget_page(struct space *space, uint64_t address);

/* The record ends, or serves in another space: it gives up its place in the index. It is in no
 * queue. */
void park_leave(struct operation *operation);
