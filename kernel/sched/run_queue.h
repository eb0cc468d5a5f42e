#pragma once
/*
 * What one CPU has to do: threads that are ready, and deadlines.
 *
 * Rules
 * - Each structure has a lock of its own, taken after every other lock of the kernel and held for a
 *   few instructions. No two locks of this file are held at once.
 */
#include "core/timer_queue.h"
#include "kernel/spinlock.h"
#include "kernel/types.h"

struct thread;

#define PRIORITY_BANDS 32u
#define PRIORITY_DEFAULT 16u /* larger is more urgent */

struct run_queue {
    struct spinlock lock;    /* guards the rest */
    _Atomic uint32_t bitmap; /* bit n: band n is not empty; written under the lock */
    _Atomic uint32_t count;
    struct thread *first[PRIORITY_BANDS], *last[PRIORITY_BANDS];
};

void run_queue_init(struct run_queue *queue);
/* At the end of its band. */
void run_queue_insert(struct run_queue *queue, struct thread *thread);
/* The most urgent thread, or NULL. */
struct thread *run_queue_take(struct run_queue *queue);

struct timers {
    struct spinlock lock; /* guards the rest, and every node in it */
    struct timer_queue queue;
};

void timers_init(struct timers *timers);
