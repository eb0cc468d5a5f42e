#pragma once
/*
 * A ticket lock. The kernel runs with interrupts off, so a lock needs no variant for interrupt
 * handlers; every spin serves requests to flush translations (arch_spin_pause), so that nobody who
 * waits for this CPU's acknowledgement waits for a lock that this CPU waits for.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/assert.h"

struct spinlock {
    _Atomic uint32_t next;    /* ticket of the next to come */
    _Atomic uint32_t serving; /* ticket that holds the lock */
};
#define SPINLOCK_INIT ((struct spinlock){0, 0})

/* One turn of a wait: PAUSE, and serve flush requests of other CPUs. kernel/arch/x86_64. */
void arch_spin_pause(void);

static inline void spinlock_init(struct spinlock *lock) {
    atomic_init(&lock->next, 0);
    atomic_init(&lock->serving, 0);
}

static inline void spinlock_lock(struct spinlock *lock) {
    uint32_t ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
    /* acquire: pairs with the release in spinlock_unlock of the holder before us */
    while (atomic_load_explicit(&lock->serving, memory_order_acquire) != ticket) {
        arch_spin_pause();
    }
}

static inline void spinlock_unlock(struct spinlock *lock) {
    uint32_t ticket = atomic_load_explicit(&lock->serving, memory_order_relaxed);
    /* release: pairs with the acquire in spinlock_lock of the next holder */
    atomic_store_explicit(&lock->serving, ticket + 1, memory_order_release);
}

/* True when somebody holds it; for asserts. */
static inline bool spinlock_is_locked(struct spinlock *lock) {
    return atomic_load_explicit(&lock->serving, memory_order_relaxed) !=
           atomic_load_explicit(&lock->next, memory_order_relaxed);
}
