#pragma once
/*
 * A thread: registers, ring, operations, and its place in the scheduler.
 *
 * Rules
 * - state is changed under ring_lock, but for READY -> RUNNING -> READY, which the CPU does that
 *   takes the thread from a run queue. Lock order: object -> ring_lock -> run queue, timers.
 * - on_cpu is true while a CPU holds state of the thread that is not in this struct (vector
 *   registers); another CPU that wants to run it waits.
 */
#include <stdatomic.h>

#include "core/ring.h"
#include "kernel/arch/x86_64/trap.h"
#include "kernel/ring/operation.h"
#include "kernel/spinlock.h"
#include "kernel/types.h"

struct process;

enum thread_state {
    THREAD_READY,   /* in a run queue, or about to be */
    THREAD_RUNNING, /* on a CPU */
    THREAD_WAITING, /* in cap_enter: for completions or for its register-form operation */
    THREAD_ENDED,
};

/* Bits of the work word (design rule 18): tested on the way out of the kernel. */
enum {
    WORK_END = 1 << 0,    /* the process has ended */
    WORK_SUBMIT = 1 << 1, /* a linked entry is complete: go on with the submission */
};

#define THREAD_FRAMES 4u
#define THREAD_RING_FRAMES 3u
#define THREAD_OPERATIONS_PER_FRAME (CAPOS_RING_IN_FLIGHT_MAX / 2)

struct thread {
    struct trap_frame frame; /* first: the entry code pushes it here */
    struct process *process;
    uint64_t id;
    uint64_t fs_base;
    uint8_t *vector_state; /* XSAVE area, in a frame of its own */
    _Atomic uint32_t work;
    _Atomic bool on_cpu;

    struct spinlock ring_lock; /* guards state, ring, operations and the wait below */
    enum thread_state state;
    struct ring_state ring;
    struct operation *operations[2]; /* CAPOS_RING_IN_FLIGHT_MAX records in two frames */
    uint32_t operations_free;        /* bit n: record n is free */
    struct operation register_operation;
    struct operation wait_operation; /* armed while the thread waits for completions */
    uint32_t wait_count;             /* how many end the wait */
    uint32_t submit_left;            /* entries that this cap_enter may still take */
    uint64_t wait_deadline_ns;
    struct operation *chain_operation; /* in flight, and the next entry is linked to it; or NULL */
    bool chain_failed;                 /* an entry of the chain failed: the rest is cancelled */
    bool chain_open;                   /* the entry taken last had CAPOS_ENTRY_LINK */

    uint8_t band; /* priority */
    bool queued;  /* guarded by the run queue's lock, as the next one */
    struct thread *queue_next;
    uint32_t cpu; /* index of the CPU it ran on last */
    uint64_t cpu_time_ns;

    paddr_t frames[THREAD_FRAMES]; /* this struct, vector state, records */
    paddr_t ring_frames[THREAD_RING_FRAMES];
    uint64_t ring_address; /* in the process's space */
};

/* The first thread of a process that is being made. Charged to its ledger. */
MUST_CHECK status_t thread_create(struct process *process, struct thread **thread_out);
/* Record n of the thread's pool. */
static inline struct operation *thread_operation(struct thread *thread, uint32_t index) {
    return &thread->operations[index / THREAD_OPERATIONS_PER_FRAME]
                              [index % THREAD_OPERATIONS_PER_FRAME];
}

/* Its operations are complete and no CPU has it. */
void thread_destroy(struct thread *thread);

/* Under ring_lock: makes a waiting thread ready and puts it into a run queue. */
void thread_wake_locked(struct thread *thread);

/* Sets bits of the work word, and sees to it that the thread looks at them soon. */
void thread_post_work(struct thread *thread, uint32_t bits);
