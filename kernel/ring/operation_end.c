#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/ring/enter.h"
#include "kernel/ring/operation_parts.h"
#include "kernel/sched/object_timer.h"
#include "kernel/sched/park.h"
#include "kernel/sched/process.h"
#include "kernel/sched/thread.h"

/* Takes a claimed record out of its object's queue. */
static void unlink_claimed(struct operation *operation) {
    if (operation->unlink != NULL) {
        operation->unlink(operation);
        operation->unlink = NULL;
    }
}

status_t operation_cancel(struct thread *thread, uint64_t user_data) {
    struct operation *found = NULL;
    spinlock_lock(&thread->ring_lock);
    for (uint32_t i = 0; i < CAPOS_RING_IN_FLIGHT_MAX && found == NULL; i++) {
        if (thread->records[i / THREAD_RECORDS_PER_FRAME] == NULL ||
            (thread->records_free >> i & 1) != 0) {
            continue;
        }
        struct operation *operation = thread_record(thread, i);
        if (operation->user_data == user_data && operation_claim(operation)) {
            found = operation;
        }
    }
    spinlock_unlock(&thread->ring_lock);
    if (found == NULL) {
        return CAPOS_E_NOT_FOUND;
    }
    unlink_claimed(found);
    operation_complete(found, CAPOS_E_CANCELLED, 0);
    return CAPOS_OK;
}

/* Somebody else may be completing it. */
static void await_completion(struct operation *operation) {
    /* acquire: pairs with the release in operation_release_record of whoever completes it. */
    while (atomic_load_explicit(&operation->state, memory_order_acquire) == OPERATION_CLAIMED) {
        arch_spin_pause();
    }
}

static void end_record(struct operation *operation) {
    if (operation_claim(operation)) {
        unlink_claimed(operation);
        if (operation->kind == OPERATION_WAIT) {
            operation_remove_deadline(operation);
        } else {
            operation_drop_resources(operation);
        }
        spinlock_lock(&operation->thread->ring_lock);
        operation_release_record(operation);
        spinlock_unlock(&operation->thread->ring_lock);
        return;
    }
    await_completion(operation);
}

void operation_cancel_all(struct thread *thread) {
    for (uint32_t i = 0; i < CAPOS_RING_IN_FLIGHT_MAX; i++) {
        if (thread->records[i / THREAD_RECORDS_PER_FRAME] != NULL) {
            end_record(thread_record(thread, i));
            park_leave(thread_record(thread, i));
        }
    }
    for (uint32_t i = 0; i < ARRAY_COUNT(thread->register_records); i++) {
        end_record(&thread->register_records[i]);
        park_leave(&thread->register_records[i]);
    }
    end_record(&thread->wait_operation);
    /* Whoever freed a record, or woke the thread, may still hold this lock. */
    spinlock_lock(&thread->ring_lock);
    spinlock_unlock(&thread->ring_lock);
    operation_free_pool(thread);
}

static bool is_free(const struct operation *operation) {
    return atomic_load_explicit(&operation->state, memory_order_relaxed) == OPERATION_FREE;
}

/* Under the ring's lock. What is in flight stays so; what is left of a chain does not begin. */
static enum operation_interruption interrupt_ring_wait(struct thread *thread) {
    struct operation *wait = &thread->wait_operation;
    if (!operation_claim(wait)) {
        thread->state = THREAD_WAITING;
        return OPERATION_LATER;
    }
    operation_remove_deadline(wait);
    operation_release_record(wait);
    thread->frame.rax = (uint64_t)(int64_t)CAPOS_E_INTERRUPTED;
    ring_close_chain_locked(thread);
    return OPERATION_NOT_IN_CALL;
}

/* Under the ring's lock; *ended_out: the operation, claimed, that is to be completed. */
static enum operation_interruption interrupt_register_wait(struct thread *thread,
                                                           struct operation **ended_out) {
    struct operation *operation = thread->register_operation;
    if (operation->outlasts_upcall && thread->upcall.in_call == NULL) {
        thread->upcall.in_call = operation;
        thread->register_operation = &thread->register_records[1 - operation->index];
        return OPERATION_IN_CALL;
    }
    if (!operation_claim(operation)) {
        thread->state = THREAD_WAITING;
        return OPERATION_LATER;
    }
    *ended_out = operation;
    return OPERATION_NOT_IN_CALL;
}

enum operation_interruption operation_interrupt(struct thread *thread) {
    enum operation_interruption interruption = OPERATION_NOT_IN_CALL;
    struct operation *ended = NULL;
    spinlock_lock(&thread->ring_lock);
    if (!is_free(&thread->wait_operation)) {
        interruption = interrupt_ring_wait(thread);
    } else if (!is_free(thread->register_operation)) {
        interruption = interrupt_register_wait(thread, &ended);
    }
    spinlock_unlock(&thread->ring_lock);
    if (ended != NULL) {
        unlink_claimed(ended);
        operation_complete(ended, CAPOS_E_INTERRUPTED, 0);
    }
    return interruption;
}

bool operation_resume(struct thread *thread) {
    struct upcall *upcall = &thread->upcall;
    spinlock_lock(&thread->ring_lock);
    struct operation *operation = upcall->in_call;
    bool is_in_flight = operation != NULL && !is_free(operation);
    upcall->in_call = NULL;
    if (is_in_flight) {
        thread->register_operation = operation;
    } else if (operation != NULL) {
        thread->frame.rax = (uint64_t)(int64_t)upcall->in_call_status;
        thread->frame.rdx = upcall->in_call_aux;
    }
    spinlock_unlock(&thread->ring_lock);
    return is_in_flight;
}

void operation_end_call(struct thread *thread, status_t *status, uint64_t *aux) {
    struct upcall *upcall = &thread->upcall;
    struct operation *operation = upcall->in_call;
    ASSERT(operation != NULL);
    spinlock_lock(&thread->ring_lock);
    bool is_ours = operation_claim(operation);
    spinlock_unlock(&thread->ring_lock);
    if (is_ours) {
        unlink_claimed(operation);
        operation_complete(operation, CAPOS_E_CANCELLED, 0);
    }
    await_completion(operation);
    spinlock_lock(&thread->ring_lock);
    upcall->in_call = NULL;
    *status = upcall->in_call_status;
    *aux = upcall->in_call_aux;
    spinlock_unlock(&thread->ring_lock);
}

/* A deadline has passed. Under the timers' lock: whoever it belongs to is there until we let go. */
struct expired {
    struct operation *operation; /* claimed; or NULL */
    struct object_timer *timer;  /* its object is held; or NULL */
};

static struct expired hold_expired(struct timer_node *node) {
    struct expired expired = {0};
    if (node->is_object) {
        expired.timer = container_of(node, struct object_timer, node);
        object_ref(expired.timer->object);
    } else {
        struct operation *operation = container_of(node, struct operation, timer);
        if (operation_claim(operation)) { /* else somebody else is completing it */
            expired.operation = operation;
        }
    }
    return expired;
}

static void expire(struct expired expired) {
    struct operation *operation = expired.operation;
    if (operation != NULL) {
        unlink_claimed(operation);
        operation_complete(operation, operation->deadline_is_success ? CAPOS_OK : CAPOS_E_TIMED_OUT,
                           0);
    } else if (expired.timer != NULL) {
        struct object *object = expired.timer->object;
        expired.timer->expire(object);
        object_unref(object);
    }
}

void operation_expire_due(struct cpu *cpu) {
    struct timer_node *node;
    do {
        struct expired expired = {0};
        spinlock_lock(&cpu->timers.lock);
        node = timer_queue_pop(&cpu->timers.queue, clock_now_ns());
        if (node != NULL) {
            expired = hold_expired(node);
        }
        spinlock_unlock(&cpu->timers.lock);
        expire(expired);
    } while (node != NULL);
}
