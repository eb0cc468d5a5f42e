#pragma once
/*
 * Waiting on a 32-bit word of memory while it holds a value, and waking who waits there.
 *
 *   while (__atomic_load_n(&word, __ATOMIC_ACQUIRE) == 0) {     one thread
 *       (void)capos_park(&word, 0, CAPOS_FOREVER);
 *   }
 *   __atomic_store_n(&word, 1, __ATOMIC_RELEASE);               another
 *   (void)capos_unpark(&word, 1);
 *
 * Rules
 * - The kernel compares and begins to wait in one step with respect to capos_unpark: a change of
 *   the word that is followed by capos_unpark is not missed.
 * - Whoever returns looks at the word again: it may have been woken for an older reason.
 * - capos_park and capos_unpark use the ParkSpace named "park", and an ELF note says that the
 *   program requires it. The others take any ParkSpace or SharedParkSpace.
 * - Safe in any context: the register form, no ring memory is touched.
 */
#include <stdint.h>

#include "capos/abi.h"
#include "capos/invoke.h"
#include "capos/linkage.h"
#include "capos/opcodes.h"

CAPOS_LINKAGE_BEGIN

/* The ParkSpace named "park", once it was looked for; see capos_park_space. */
extern capos_cap_t capos_park_space_found;

/* Looks for it, and keeps it if there is one. */
capos_cap_t capos_park_space_find(void);

/* The ParkSpace named "park", or CAPOS_CAP_NONE. */
static inline capos_cap_t capos_park_space(void) {
    capos_cap_t found = __atomic_load_n(&capos_park_space_found, __ATOMIC_RELAXED);
    return __builtin_expect(found != CAPOS_CAP_NONE, 1) ? found : capos_park_space_find();
}

/*
 * Waits until it is woken, as long as the word holds the expected value; deadline_ns is absolute
 * monotonic time. 0 when woken; valueChanged, timedOut, memoryGone, interrupted and what PARK
 * refuses: see docs/abi.md.
 */
static inline int64_t capos_park_in(capos_cap_t space, const volatile uint32_t *word,
                                    uint32_t expected, uint64_t deadline_ns) {
    return capos_invoke(capos_control(CAPOS_OP_PARK), space, (uintptr_t)word, expected, 0,
                        deadline_ns)
        .result;
}

/* Wakes at most so many of those who wait on the word, first come first served. Returns how many
 * that were, or a negative error. The word need not be there any more. */
static inline int64_t capos_unpark_in(capos_cap_t space, const volatile uint32_t *word,
                                      uint64_t count) {
    struct capos_reply reply = capos_invoke(capos_control(CAPOS_OP_UNPARK), space, (uintptr_t)word,
                                            count, 0, CAPOS_FOREVER);
    return reply.result == 0 ? (int64_t)reply.aux : reply.result;
}

static inline int64_t capos_park(const volatile uint32_t *word, uint32_t expected,
                                 uint64_t deadline_ns) {
    return capos_park_in(capos_park_space(), word, expected, deadline_ns);
}

static inline int64_t capos_unpark(const volatile uint32_t *word, uint64_t count) {
    return capos_unpark_in(capos_park_space(), word, count);
}

CAPOS_LINKAGE_END
