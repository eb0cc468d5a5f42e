#pragma once
/*
 * A lock to spin on. The kernel runs with interrupts off, so a lock needs no variant for interrupt
 * handlers; every spin serves requests to flush translations (arch_spin_pause), so that nobody who
 * waits for this CPU's acknowledgement waits for a lock that this CPU waits for.
 *
 * It goes to whoever asks when it is free, not to whoever waits longest: a lock that is handed on
 * to one CPU stands still while a host runs something else in that CPU's place, and in a queue this
 * happens again and again.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/assert.h"

struct spinlock {
    _Atomic uint32_t held; /* 1: somebody has it */
};
#define SPINLOCK_INIT ((struct spinlock){0})

/* One turn of a wait: PAUSE, and serve flush requests of other CPUs. kernel/arch/x86_64. */
void arch_spin_pause(void);

static inline void spinlock_init(struct spinlock *lock) {
    atomic_init(&lock->held, 0);
}

static inline void spinlock_lock(struct spinlock *lock) {
    /* acquire: pairs with the release in spinlock_unlock of the holder before us */
    while (atomic_exchange_explicit(&lock->held, 1, memory_order_acquire) != 0) {
        while (atomic_load_explicit(&lock->held, memory_order_relaxed) != 0) {
            arch_spin_pause();
        }
    }
}

static inline void spinlock_unlock(struct spinlock *lock) {
    /* release: pairs with the acquire in spinlock_lock of the next holder */
    atomic_store_explicit(&lock->held, 0, memory_order_release);
}

/* True when somebody holds it; for asserts. */
static inline bool spinlock_is_locked(struct spinlock *lock) {
    return atomic_load_explicit(&lock->held, memory_order_relaxed) != 0;
}
