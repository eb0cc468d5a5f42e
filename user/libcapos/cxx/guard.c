/*
 * Local variables that are static, initialised by the first who comes by (Itanium C++ ABI 3.3.3).
 *
 * The first byte of the guard, which is 1 when the variable is, belongs to the ABI: compilers look
 * there before they call. The rest is ours. While somebody initialises the variable its thread
 * pointer, which is below 2^47, stands in bits 8 to 54, and others park on the upper half.
 */
#include <stddef.h>
#include <stdint.h>

#include "capos/abort.h"
#include "user/libcapos/internal.h"

#define GUARD_NEW UINT64_C(0)
#define GUARD_DONE UINT64_C(1)
#define GUARD_OWNER_SHIFT 8
#define GUARD_AWAITED (UINT64_C(1) << 63) /* somebody may be parked there */

__attribute__((weak)) int __cxa_guard_acquire(uint64_t *guard);
__attribute__((weak)) void __cxa_guard_release(uint64_t *guard);
__attribute__((weak)) void __cxa_guard_abort(uint64_t *guard);

static uint64_t guard_of_caller(void) {
    return (uint64_t)(uintptr_t)__builtin_thread_pointer() << GUARD_OWNER_SHIFT;
}

static const uint32_t *guard_word(const uint64_t *guard) {
    return (const uint32_t *)guard + 1;
}

/* Says that somebody waits, unless the guard has changed meanwhile, and waits. */
static void wait_for_change(uint64_t *guard, uint64_t state) {
    uint64_t awaited = state | GUARD_AWAITED;
    if (state == awaited || __atomic_compare_exchange_n(guard, &state, awaited, false,
                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        internal_park(guard_word(guard), (uint32_t)(awaited >> 32));
    }
}

/* 1: the caller is to initialise the variable, and then to call one of the functions below. */
int __cxa_guard_acquire(uint64_t *guard) {
    uint64_t caller = guard_of_caller();
    for (;;) {
        /* acquire: pairs with leave; what the initialisation wrote is seen */
        uint64_t state = __atomic_load_n(guard, __ATOMIC_ACQUIRE);
        if (state == GUARD_DONE) {
            return 0;
        }
        if (state == GUARD_NEW) {
            if (__atomic_compare_exchange_n(guard, &state, caller, false, __ATOMIC_ACQUIRE,
                                            __ATOMIC_RELAXED)) {
                return 1;
            }
        } else if ((state & ~GUARD_AWAITED) == caller) {
            capos_abort("the initialisation of a static local variable needs that variable");
        } else {
            wait_for_change(guard, state);
        }
    }
}

static void leave(uint64_t *guard, uint64_t state) {
    if ((__atomic_exchange_n(guard, state, __ATOMIC_RELEASE) & GUARD_AWAITED) != 0) {
        internal_unpark(guard_word(guard));
    }
}

void __cxa_guard_release(uint64_t *guard) {
    leave(guard, GUARD_DONE);
}

void __cxa_guard_abort(uint64_t *guard) {
    leave(guard, GUARD_NEW);
}
