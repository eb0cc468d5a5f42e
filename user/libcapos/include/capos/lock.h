#pragma once
/*
 * Mutexes, condition variables and things to be done once, for the threads of a process.
 *
 *   static struct capos_mutex mutex;    all zero is ready for use, here and for the other two
 *   capos_mutex_lock(&mutex);
 *   ...
 *   capos_mutex_unlock(&mutex);
 *
 * Rules
 * - Who has a mutex does not lock it again, and unlocks it itself.
 * - Locking and unlocking enters the kernel only when threads meet.
 * - A mutex may be freed by who unlocked it last.
 * - All of this requires the ParkSpace named "park".
 */
#include <stdbool.h>
#include <stdint.h>

#include "capos/abi.h"
#include "capos/linkage.h"

CAPOS_LINKAGE_BEGIN

struct capos_mutex {
    uint32_t state; /* enum capos_mutex_state */
};

enum capos_mutex_state {
    CAPOS_MUTEX_FREE = 0,
    CAPOS_MUTEX_LOCKED = 1,
    CAPOS_MUTEX_CONTENDED = 2, /* locked, and somebody may be parked here */
};

/* The slow halves of the two functions below. */
void capos_mutex_lock_contended(struct capos_mutex *mutex);
void capos_mutex_wake(struct capos_mutex *mutex);

/* True when the mutex was free and is the caller's now. */
static inline bool capos_mutex_try_lock(struct capos_mutex *mutex) {
    uint32_t expected = CAPOS_MUTEX_FREE;
    return __atomic_compare_exchange_n(&mutex->state, &expected, CAPOS_MUTEX_LOCKED, false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void capos_mutex_lock(struct capos_mutex *mutex) {
    if (__builtin_expect(!capos_mutex_try_lock(mutex), 0)) {
        capos_mutex_lock_contended(mutex);
    }
}

static inline void capos_mutex_unlock(struct capos_mutex *mutex) {
    uint32_t state = __atomic_exchange_n(&mutex->state, CAPOS_MUTEX_FREE, __ATOMIC_RELEASE);
    if (__builtin_expect(state == CAPOS_MUTEX_CONTENDED, 0)) {
        capos_mutex_wake(mutex);
    }
}

/*
 *   capos_mutex_lock(&mutex);
 *   while (!is_ready) {
 *       (void)capos_cond_wait(&cond, &mutex, CAPOS_FOREVER);
 *   }
 */
struct capos_cond {
    uint32_t sequence; /* moves on with each signal */
};

/* Unlocks the mutex, waits for a signal or the deadline, and locks it again. 0, perhaps without a
 * signal, or why there could be none: timedOut, needsTimer. */
int64_t capos_cond_wait(struct capos_cond *cond, struct capos_mutex *mutex, uint64_t deadline_ns);

/* Wakes one who waits. */
void capos_cond_signal(struct capos_cond *cond);

/* Wakes all who wait, all with this mutex. One runs at once and each of the others when the mutex
 * is free for it. */
void capos_cond_broadcast(struct capos_cond *cond, struct capos_mutex *mutex);

struct capos_once {
    uint32_t state; /* enum capos_once_state */
};

enum capos_once_state {
    CAPOS_ONCE_NEW = 0,
    CAPOS_ONCE_RUNNING = 1,
    CAPOS_ONCE_AWAITED = 2, /* running, and somebody may be parked here */
    CAPOS_ONCE_DONE = 3,
};

/* The slow half of capos_once. */
void capos_once_run(struct capos_once *once, void (*run)(void));

/* When it returns, one call for this `once` has run the function, and what that wrote is seen. */
static inline void capos_once(struct capos_once *once, void (*run)(void)) {
    if (__builtin_expect(__atomic_load_n(&once->state, __ATOMIC_ACQUIRE) != CAPOS_ONCE_DONE, 0)) {
        capos_once_run(once, run);
    }
}

CAPOS_LINKAGE_END
