#pragma once
/* What the files of libcapos share and programs do not see. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "capos/abi.h"
#include "capos/lock.h"

/* Called by _start. */
_Noreturn void capos_start_c(const struct capos_start *start, uint64_t *stack);

/* Draws the stack guard from the process's random bytes. Before any protected function runs. */
void stack_guard_seed(const uint8_t random[32]);

/* The ParkSpace named "park" or CAPOS_CAP_NONE, like capos_park_space, but not required. */
capos_cap_t park_space_if_granted(void);

/* Locks for libcapos itself: a program that has no ParkSpace can use them too, and waits by
 * yielding then. */
void internal_lock(struct capos_mutex *mutex);
void internal_unlock(struct capos_mutex *mutex);

/* The same for words: waits there while it has this value, and may come back for no reason; wakes
 * all who wait there. */
void internal_park(const uint32_t *word, uint32_t expected);
void internal_unpark(const uint32_t *word);

/* The destructors of the calling thread's thread-local objects. There only in programs that have
 * any: see cxx/destructors.c. */
void thread_destructors_run(void) __attribute__((weak));

/* Gives memory back that is kept in store, when the heap finds no more; false when there is none.
 * NULL: nobody keeps any. */
extern bool (*_Atomic internal_give_back)(void);
