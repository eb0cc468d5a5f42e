#include "capos/lock.h"

#include <stddef.h>

#include "capos/errors.h"
#include "capos/park.h"
#include "capos/park_space.h"
#include "capos/threads.h"
#include "user/libcapos/internal.h"

/* Looks at a mutex that is held before parking there: about as long as a short critical section. */
#define SPIN_TURNS 40u

/* Without a ParkSpace others get their turn instead. */
static void park_or_yield(capos_cap_t space, const uint32_t *word, uint32_t expected) {
    if (space == CAPOS_CAP_NONE ||
        capos_park_in(space, word, expected, CAPOS_FOREVER) == CAPOS_E_BAD_CAPABILITY) {
        capos_thread_yield();
    }
}

/*
 * The third mutex of "Futexes Are Tricky" (Drepper 2011). Who comes from here leaves the state
 * CONTENDED, since it cannot know whether it was the only one: its unlock then wakes the next, or
 * nobody.
 */
static void lock_as_contended(struct capos_mutex *mutex, capos_cap_t space) {
    while (__atomic_exchange_n(&mutex->state, CAPOS_MUTEX_CONTENDED, __ATOMIC_ACQUIRE) !=
           CAPOS_MUTEX_FREE) {
        park_or_yield(space, &mutex->state, CAPOS_MUTEX_CONTENDED);
    }
}

static void lock_contended(struct capos_mutex *mutex, capos_cap_t space) {
    for (uint32_t turn = 0; turn < SPIN_TURNS; turn++) {
        uint32_t state = __atomic_load_n(&mutex->state, __ATOMIC_RELAXED);
        if (state == CAPOS_MUTEX_FREE && capos_mutex_try_lock(mutex)) {
            return;
        }
        if (state == CAPOS_MUTEX_CONTENDED) {
            break;
        }
        __builtin_ia32_pause();
    }
    lock_as_contended(mutex, space);
}

void capos_mutex_lock_contended(struct capos_mutex *mutex) {
    lock_contended(mutex, capos_park_space());
}

void capos_mutex_wake(struct capos_mutex *mutex) {
    (void)capos_unpark(&mutex->state, 1);
}

void internal_lock(struct capos_mutex *mutex) {
    if (!capos_mutex_try_lock(mutex)) {
        lock_contended(mutex, park_space_if_granted());
    }
}

void internal_unlock(struct capos_mutex *mutex) {
    if (__atomic_exchange_n(&mutex->state, CAPOS_MUTEX_FREE, __ATOMIC_RELEASE) ==
        CAPOS_MUTEX_CONTENDED) {
        capos_cap_t space = park_space_if_granted();
        if (space != CAPOS_CAP_NONE) {
            (void)capos_unpark_in(space, &mutex->state, 1);
        }
    }
}

void internal_park(const uint32_t *word, uint32_t expected) {
    park_or_yield(park_space_if_granted(), word, expected);
}

void internal_unpark(const uint32_t *word) {
    capos_cap_t space = park_space_if_granted();
    if (space != CAPOS_CAP_NONE) {
        (void)capos_unpark_in(space, word, UINT64_MAX);
    }
}

int64_t capos_cond_wait(struct capos_cond *cond, struct capos_mutex *mutex, uint64_t deadline_ns) {
    uint32_t sequence = __atomic_load_n(&cond->sequence, __ATOMIC_RELAXED);
    capos_mutex_unlock(mutex);
    int64_t result = capos_park(&cond->sequence, sequence, deadline_ns);
    /* A broadcast moves others to the mutex for whom nobody else would leave it CONTENDED. */
    lock_as_contended(mutex, capos_park_space());
    return result == CAPOS_E_VALUE_CHANGED || result == CAPOS_E_INTERRUPTED ? CAPOS_OK : result;
}

void capos_cond_signal(struct capos_cond *cond) {
    __atomic_fetch_add(&cond->sequence, 1, __ATOMIC_RELAXED);
    (void)capos_unpark(&cond->sequence, 1);
}

void capos_cond_broadcast(struct capos_cond *cond, struct capos_mutex *mutex) {
    uint32_t sequence = __atomic_add_fetch(&cond->sequence, 1, __ATOMIC_RELAXED);
    struct capos_park_space_requeue_results results;
    uint64_t wake_count = 1;
    int64_t result;
    do {
        result = capos_park_space_requeue(capos_park_space(), (uintptr_t)&cond->sequence,
                                          (uintptr_t)&mutex->state, sequence, wake_count,
                                          CAPOS_REQUEUE_MAX, &results);
        wake_count = 0;
    } while (result == CAPOS_OK && results.moved == CAPOS_REQUEUE_MAX);
    if (result != CAPOS_OK) {
        /* Another signal came in between. */
        (void)capos_unpark(&cond->sequence, UINT64_MAX);
    }
}

void capos_once_run(struct capos_once *once, void (*run)(void)) {
    uint32_t state = CAPOS_ONCE_NEW;
    if (__atomic_compare_exchange_n(&once->state, &state, CAPOS_ONCE_RUNNING, false,
                                    __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
        run();
        if (__atomic_exchange_n(&once->state, CAPOS_ONCE_DONE, __ATOMIC_RELEASE) ==
            CAPOS_ONCE_AWAITED) {
            (void)capos_unpark(&once->state, UINT64_MAX);
        }
        return;
    }
    while (state != CAPOS_ONCE_DONE) {
        if (state == CAPOS_ONCE_AWAITED ||
            __atomic_compare_exchange_n(&once->state, &state, CAPOS_ONCE_AWAITED, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
            park_or_yield(capos_park_space(), &once->state, CAPOS_ONCE_AWAITED);
            state = __atomic_load_n(&once->state, __ATOMIC_ACQUIRE);
        }
    }
}
