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
struct outcome;
struct operation;

void park_init(void);

struct park_request {
    uint64_t capability; /* of a ParkSpace or SharedParkSpace */
    uint64_t address;
    uint64_t expected; /* 32 bits of it may be set */
};

/* The opcodes, for the thread that runs here; the outcome is cleared before. The operation is
 * prepared; it is given back, or pending when they return. */
void park_wait(struct thread *thread, const struct park_request *request,
               struct operation *operation, struct outcome *outcome);
void park_wake(struct thread *thread, uint64_t capability, uint64_t address, uint64_t count,
               struct outcome *outcome);

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
