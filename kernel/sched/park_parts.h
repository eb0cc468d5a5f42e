#pragma once
/*
 * What the files of parking share: park.c (PARK and UNPARK), park_memory.c (memory that is taken
 * away under those who park) and park_requeue.c. Nobody else includes this.
 */
#include "core/park_queue.h"
#include "kernel/mm/space.h"
#include "kernel/ring/operation.h"
#include "kernel/sched/park.h"

extern struct spinlock *park_locks;  /* each guards the bucket of the same number */
extern struct park_queue park_queue; /* whose buckets and mask never change */

/* How a capability lets its holder park. */
enum park_kind { PARK_PRIVATE, PARK_SHARED };

static inline bool park_is_word(uint64_t address) {
    return address % sizeof(uint32_t) == 0 && address >= USER_LOW && address < USER_HIGH;
}

static inline uint32_t park_read_word(const uint32_t *word) {
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* The key of a word. badAddress when nothing is mapped there. Under space->lock. */
MUST_CHECK status_t park_find_key(struct space *space, enum park_kind kind, uint64_t address,
                                  struct park_key *key);

/* Takes a queued waiter out, under its bucket's lock. Unless somebody else is completing its
 * operation, that goes to the list, to be completed when no lock is held any more. */
void park_take_out(struct park_waiter *waiter, struct operation_list *claimed);
