#pragma once
/*
 * What one CPU has to do: threads that are ready, and deadlines.
 *
 * Rules
 * - Each structure has a lock of its own, taken after every other lock of the kernel and held for a
 *   few instructions. No two locks of this file are held at once.
 * - Every thread has a home, queued or not: the CPU whose queue's lock guards its place, that is
 *   the home itself, band, and CPUs. Who has taken a thread out, or is going to insert it, may read
 *   its home without a lock, since nobody else changes it.
 */
#include "core/ready_queue.h"
#include "core/timer_queue.h"
#include "kernel/spinlock.h"
#include "kernel/types.h"

struct thread;

struct run_queue {
    struct spinlock lock; /* guards the rest */
    struct ready_queue ready;
};

/* How urgent a thread is and where it may run; good also when it has been taken away since. */
struct placed {
    uint32_t band;
    uint64_t cpus; /* 0: there is no such thread, or not in this queue */
};

void run_queue_init(struct run_queue *queue, uint32_t cpu);
/* At the end of its band. The queue is its home's. Nothing is done when it may not run there. */
MUST_CHECK struct placed run_queue_insert(struct run_queue *queue, struct thread *thread);
/* The same, and takes the most urgent thread, which may be that one. NULL when it may not run here;
 * then nothing is changed. */
struct thread *run_queue_take_turns(struct run_queue *queue, struct thread *thread);
/* The most urgent thread, or NULL. */
struct thread *run_queue_take(struct run_queue *queue);
/* Takes the most urgent thread in band `least` or above that may run on this other CPU, which is
 * its home from then on; NULL when there is none. Whoever stands behind hundreds that may not is
 * not found. */
struct thread *run_queue_steal(struct run_queue *queue, uint32_t cpu, uint32_t least);
/* Looks for one in band `most` or below that may run on one of these CPUs. */
struct placed run_queue_find_movable(struct run_queue *queue, uint64_t cpus, uint32_t most);
/* A thread that is in no queue, and whose home this queue's CPU was, has another. */
void run_queue_hand_over(struct run_queue *queue, struct thread *thread, uint32_t home);
/* Changes the place of a thread, and takes it out if it is queued. False, with nothing done, when
 * this is not its home any more. */
MUST_CHECK bool run_queue_change(struct run_queue *queue, struct thread *thread,
                                 struct placed placed, bool *was_queued);

/* The bands in which threads wait, and in which perhaps some wait that may move. At any time. */
static inline uint32_t run_queue_bands(const struct run_queue *queue) {
    return atomic_load_explicit(&queue->ready.bands, memory_order_relaxed);
}
static inline uint32_t run_queue_movable(const struct run_queue *queue) {
    return atomic_load_explicit(&queue->ready.movable, memory_order_relaxed);
}

struct timers {
    struct spinlock lock; /* guards the rest, and every node in it */
    struct timer_queue queue;
};

void timers_init(struct timers *timers);
