#pragma once
/*
 * Threads of this process, with stack and thread-local variables of their own.
 *
 *   static int64_t run(void *argument) { ... }
 *
 *   struct capos_thread thread;
 *   int64_t value;
 *   capos_thread_create(&thread, NULL, run, argument);
 *   capos_thread_wait(&thread, &value);              or capos_thread_detach(&thread)
 *
 * Rules
 * - A thread that was created is given to exactly one of capos_thread_wait and capos_thread_detach,
 *   unless it was created detached. The struct may be moved until then.
 * - The process ends when main returns or capos_exit is called, whatever its threads do, and when
 *   its last thread ends.
 * - The stack is mapped by the VirtualMemory named "memory", above addresses that are reserved, so
 *   that an overflow faults; only the pages that are touched count. Thread-local variables stand at
 *   its high end. A detached thread leaves nothing behind; of threads that were waited for, up to
 *   CAPOS_THREAD_STACKS_KEPT stacks of default size are kept for the next ones, and
 *   given back when a thread or the heap finds no memory.
 * - Without that grant, give a stack of your own in the options: nothing guards its low end.
 * - Requires the ThreadSpawner named "threads" and the ThreadControl named "thread-control".
 * - Interfaces of schema/thread.capnp (join, info) take thread.capability.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capos/abi.h"
#include "capos/invoke.h"
#include "capos/linkage.h"

CAPOS_LINKAGE_BEGIN

#define CAPOS_THREAD_STACK_BYTES_DEFAULT ((size_t)256 * 1024)
#define CAPOS_THREAD_STACK_BYTES_MIN ((size_t)2048)
#define CAPOS_THREAD_STACKS_KEPT 4
#define CAPOS_THREAD_NAME_BYTES_MAX 31u

struct capos_thread_block; /* at the high end of each stack */

struct capos_thread {
    capos_cap_t capability; /* of the interface Thread; it goes with wait or detach */
    uint64_t id;
    struct capos_ring *ring;
    struct capos_thread_block *block;
};

/* All zero is a thread as created without options. */
struct capos_thread_options {
    size_t stack_bytes; /* 0: CAPOS_THREAD_STACK_BYTES_DEFAULT */
    void *stack;        /* the caller's memory: stack_bytes from here; NULL: mapped */
    const char *name;   /* shown in reports; NULL: none */
    bool is_detached;   /* the thread is given to nobody, and *thread is not set */
};

/*
 * Starts a thread that calls run(argument). All or nothing. options may be NULL.
 * invalidArgument when stack_bytes is too small or too large for a stack or, with a stack of one's
 * own, for the thread-local variables besides; tooLarge when the name has over
 * CAPOS_THREAD_NAME_BYTES_MAX bytes; overQuota, noMemory and noSlot as ThreadSpawner.create and
 * VirtualMemory say.
 */
int64_t capos_thread_create(struct capos_thread *thread, const struct capos_thread_options *options,
                            int64_t (*run)(void *argument), void *argument);

/* Waits for the thread's end, frees what it had, and stores the value that run returned, or that it
 * gave to capos_thread_exit. value may be NULL. After an error the thread is still to be given. */
int64_t capos_thread_wait(struct capos_thread *thread, int64_t *value);

/* Nobody will wait: what the thread has is freed at its end. */
int64_t capos_thread_detach(struct capos_thread *thread);

/* Ends the calling thread. Of the first thread, which nobody can wait for, the value is lost. */
_Noreturn void capos_thread_exit(int64_t value);

/* Lets other threads run. Takes no capability. */
static inline void capos_thread_yield(void) {
    (void)capos_enter(0, CAPOS_RING_COMPLETIONS, CAPOS_POLL);
}

/* Names a thread, or the calling one when thread is NULL. */
int64_t capos_thread_name(const struct capos_thread *thread, const char *name);

/* A new capability of the interface Thread for the calling thread, to be released. */
int64_t capos_thread_self(capos_cap_t *capability);

CAPOS_LINKAGE_END
