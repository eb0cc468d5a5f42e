#pragma once
/*
 * Operations in flight: what did not finish inline is a record, never a sleeping stack.
 *
 * A record belongs to one thread: its ring's fixed pool, or the two of its register form.
 * It is armed once and finishes exactly once: completion, deadline, CANCEL and the thread's end
 * compete by operation_claim, one compare-and-swap, and whoever wins unlinks it everywhere and
 * completes it.
 *
 * Rules
 * - A record is only reached through a list, and claimed under the lock of that list: its object's
 *   queue, a CPU's timers, or its thread's ring. It is freed under the ring's lock after it left
 * the other two, so a pointer that a lock protects is never stale.
 * - Lock order: object -> ring; timers and run queues are last. operation_complete takes the ring's
 *   lock and wakes the thread: the caller may hold its object's lock, not a ring's.
 */
#include <stdatomic.h>
#include <stddef.h>

#include "capos/abi.h"
#include "core/park_queue.h"
#include "core/timer_queue.h"
#include "kernel/cap/object.h"
#include "kernel/types.h"

struct thread;
struct cpu;
struct operation;

enum operation_state {
    OPERATION_FREE,
    OPERATION_PREPARING, /* taken from the pool; nobody else knows it */
    OPERATION_ARMED,     /* in flight; may be claimed */
    OPERATION_CLAIMED,   /* somebody is completing it */
};

enum operation_kind {
    OPERATION_RING,     /* an entry: completes in the ring */
    OPERATION_REGISTER, /* the register form: completes in RAX and RDX */
    OPERATION_WAIT,     /* the wait of cap_enter itself: returns the number of completions */
};

struct operation {
    _Atomic uint32_t state;   /* enum operation_state */
    uint8_t kind;             /* enum operation_kind */
    uint8_t flags;            /* of the entry: CAPOS_ENTRY_LINK */
    bool deadline_is_success; /* a sleep: the deadline is what it waited for */
    bool has_deadline;
    bool outlasts_upcall; /* of the register form: an upcall does not end it */
    uint8_t index;        /* in the thread's pool */
    struct thread *thread;
    struct space *space; /* of the caller: where addresses below belong */
    uint64_t user_data;

    /* While armed: the object's own, guarded by its lock. */
    struct object *object; /* holds a reference; NULL for a sleep */
    /* Takes the record out of the object's queue (takes the object's lock). NULL: in no queue. */
    void (*unlink)(struct operation *operation);
    union { /* all but the waiter's place in its index, which stays: kernel/sched/park.c */
        struct {
            struct operation *next, *previous;
            uint64_t buffer, buffer_length; /* user range for bulk data */
            uint64_t message; /* user address for results that are written back, or 0 */
            uint64_t value;   /* the object's own */
        };
        struct park_waiter waiter;  /* of PARK; kernel/sched/park.c */
        struct timer_node cpu_wait; /* for CPU time; kernel/sched/cpu_time.c */
    };

    uint64_t deadline_ns;
    struct timer_node timer; /* guarded by timers->lock of timer_cpu */
    struct cpu *timer_cpu;
};

_Static_assert(offsetof(struct operation, value) + sizeof(uint64_t) <=
                   offsetof(struct operation, waiter.bucket),
               "what the others use is what a waiter needs only while it is queued");

/*
 * The record for an entry of the calling thread that may pend, in state PREPARING: one of its
 * ring's pool or, for the register form, its own. What is the entry's is filled in. busy when all
 * are in flight; noMemory or overQuota when the pool cannot grow.
 */
MUST_CHECK status_t operation_prepare(struct thread *thread, const struct capos_entry *entry,
                                      bool is_register, struct operation **operation_out);
/* The same for the register form alone, which always has its record. */
struct operation *operation_prepare_register(struct thread *thread, uint64_t deadline_ns);
/* Gives back a record that was never armed. */
void operation_give(struct operation *operation);

/* What a record in flight costs its process: an operation, and a timer if it has a deadline, which
 * decode has set by now. The register form's is a part of the thread and costs nothing more.
 * overQuota charges nothing. */
MUST_CHECK status_t operation_charge_record(struct operation *operation);
void operation_refund_record(struct operation *operation);
MUST_CHECK static inline status_t operation_charge(struct operation *operation) {
    return operation->kind == OPERATION_RING ? operation_charge_record(operation) : 0;
}
static inline void operation_refund(struct operation *operation) {
    if (operation->kind == OPERATION_RING) {
        operation_refund_record(operation);
    }
}

/* From here on it may complete: with timedOut at its deadline (ok for a sleep). The caller holds
 * the object's lock if it is in a queue, and object and queue links are set. */
void operation_arm_deadline(struct operation *operation);
static inline void operation_arm(struct operation *operation) {
    ASSERT(atomic_load_explicit(&operation->state, memory_order_relaxed) == OPERATION_PREPARING);
    if (operation->has_deadline) {
        operation_arm_deadline(operation);
        return;
    }
    operation->timer_cpu = NULL;
    /* release: pairs with the acquire in operation_claim; the record is filled in. */
    atomic_store_explicit(&operation->state, OPERATION_ARMED, memory_order_release);
}

/* True for exactly one caller. Under the lock of the list through which it was reached. */
static inline bool operation_claim(struct operation *operation) {
    uint32_t expected = OPERATION_ARMED;
    return atomic_compare_exchange_strong_explicit(&operation->state, &expected, OPERATION_CLAIMED,
                                                   memory_order_acquire, memory_order_relaxed);
}

/* After a claim, with the record out of its object's queue: gives back the deadline and the
 * reference, posts the completion, frees the record, wakes the thread. */
void operation_complete(struct operation *operation, status_t status, uint64_t aux);
/* The same with ok, for what holds no object; quick for the register form. */
void operation_complete_wait(struct operation *operation);

/* Claims and completes the operation in flight of this thread that has the user_data. */
MUST_CHECK status_t operation_cancel(struct thread *thread, uint64_t user_data);
/* Ends everything that the thread has in flight, without completions, waits for those that others
 * are completing, and gives the pool's memory back. On the CPU of the thread, with no lock. */
void operation_cancel_all(struct thread *thread);

/* An upcall interrupts what the thread waits for in cap_enter. On its CPU, with no lock. */
enum operation_interruption {
    OPERATION_NOT_IN_CALL, /* no wait, or it has ended with `interrupted`: the frame says so */
    OPERATION_IN_CALL,     /* a CALL of the register form goes on: see operation_resume */
    OPERATION_LATER,       /* somebody completes it just now; the thread waits for that */
};
enum operation_interruption operation_interrupt(struct thread *thread);
/* The CALL that was interrupted is the thread's again. False: there is nothing to wait for, and its
 * result, if there was one, is in the frame. */
bool operation_resume(struct thread *thread);
/* Ends that CALL: what it was complete with, or cancelled. There is one. */
void operation_end_call(struct thread *thread, status_t *status, uint64_t *aux);

/* The records that are a part of struct thread. */
void operation_init_thread(struct thread *thread);

/* Fires deadlines of this CPU that are due, those of objects as well. No lock. */
void operation_expire_due(struct cpu *cpu);

/* Operations that were claimed and are out of their queues: collected under a lock, completed when
 * it is free. */
struct operation_list {
    struct operation *first, **link; /* link: where the next one goes */
    uint64_t count;
};
static inline void operation_list_init(struct operation_list *list) {
    list->first = NULL;
    list->link = &list->first;
    list->count = 0;
}
static inline void operation_list_append(struct operation_list *list, struct operation *operation) {
    operation->next = NULL;
    *list->link = operation;
    list->link = &operation->next;
    list->count++;
}
/* Completes them all, with 0 in aux. No lock. */
void operation_list_complete(const struct operation_list *list, status_t status);

/* The queue of an object: first come, first served. Under the object's lock. */
struct operation_queue {
    struct operation *first, *last;
};
void operation_queue_append(struct operation_queue *queue, struct operation *operation);
void operation_queue_remove(struct operation_queue *queue, struct operation *operation);
/* Claims all that nobody else is completing and takes them out, into a list that was init. Who
 * cancels one takes that out himself. */
void operation_queue_claim_all(struct operation_queue *queue, struct operation_list *claimed);
/* The same for the first of them alone; NULL when there is none. */
struct operation *operation_queue_claim_first(struct operation_queue *queue);
