#include "kernel/ring/operation.h"

#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/sched/process.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sched/thread.h"

struct operation *operation_take(struct thread *thread) {
    struct operation *operation = NULL;
    spinlock_lock(&thread->ring_lock);
    if (thread->operations_free != 0) {
        uint32_t index = (uint32_t)__builtin_ctz(thread->operations_free);
        thread->operations_free &= ~(1u << index);
        operation = thread_operation(thread, index);
        ASSERT(atomic_load_explicit(&operation->state, memory_order_relaxed) == OPERATION_FREE);
        atomic_store_explicit(&operation->state, OPERATION_PREPARING, memory_order_relaxed);
    }
    spinlock_unlock(&thread->ring_lock);
    return operation;
}

/* Under the ring's lock. */
static void release_record(struct operation *operation) {
    struct thread *thread = operation->thread;
    atomic_store_explicit(&operation->state, OPERATION_FREE, memory_order_release);
    if (operation->kind == OPERATION_RING) {
        thread->operations_free |= 1u << operation->index;
    }
}

void operation_give(struct operation *operation) {
    struct thread *thread = operation->thread;
    spinlock_lock(&thread->ring_lock);
    release_record(operation);
    spinlock_unlock(&thread->ring_lock);
}

status_t operation_charge(struct operation *operation) {
    struct ledger *ledger = &operation->thread->process->ledger;
    status_t status = ledger_charge(ledger, LEDGER_OPERATIONS, 1);
    if (status == CAPOS_OK && operation->has_deadline) {
        status = ledger_charge(ledger, LEDGER_TIMERS, 1);
        if (status != CAPOS_OK) {
            ledger_refund(ledger, LEDGER_OPERATIONS, 1);
        }
    }
    return status;
}

void operation_refund(struct operation *operation) {
    struct ledger *ledger = &operation->thread->process->ledger;
    if (operation->has_deadline) {
        ledger_refund(ledger, LEDGER_TIMERS, 1);
    }
    ledger_refund(ledger, LEDGER_OPERATIONS, 1);
}

void operation_arm(struct operation *operation) {
    struct cpu *cpu = cpu_current();
    ASSERT(atomic_load_explicit(&operation->state, memory_order_relaxed) == OPERATION_PREPARING);
    operation->timer_cpu = operation->has_deadline ? cpu : NULL;
    timer_node_init(&operation->timer);
    /* release: pairs with the acquire in operation_claim; the record is filled in. */
    atomic_store_explicit(&operation->state, OPERATION_ARMED, memory_order_release);
    if (!operation->has_deadline) {
        return;
    }
    /* Whoever has claimed it meanwhile comes to take it out of the timers after us, or we see that
     * it is claimed: both sides hold the timers' lock. */
    spinlock_lock(&cpu->timers.lock);
    bool armed = atomic_load_explicit(&operation->state, memory_order_relaxed) == OPERATION_ARMED;
    if (armed) {
        timer_queue_insert(&cpu->timers.queue, &operation->timer, operation->deadline_ns);
    }
    spinlock_unlock(&cpu->timers.lock);
    if (armed) {
        scheduler_arm(cpu);
    }
}

bool operation_claim(struct operation *operation) {
    uint32_t expected = OPERATION_ARMED;
    return atomic_compare_exchange_strong_explicit(&operation->state, &expected, OPERATION_CLAIMED,
                                                   memory_order_acquire, memory_order_relaxed);
}

static void remove_deadline(struct operation *operation) {
    struct cpu *cpu = operation->timer_cpu;
    if (cpu == NULL) {
        return;
    }
    spinlock_lock(&cpu->timers.lock);
    timer_queue_remove(&cpu->timers.queue, &operation->timer);
    spinlock_unlock(&cpu->timers.lock);
    operation->timer_cpu = NULL;
}

/* Gives back what the record holds besides itself. */
static void drop_resources(struct operation *operation) {
    remove_deadline(operation);
    operation_refund(operation);
    if (operation->object != NULL) {
        struct object *object = operation->object;
        operation->object = NULL;
        object_unref(object);
    }
}

/* Under the ring's lock: the thread that waits in cap_enter has what it waits for. */
static void finish_wait(struct thread *thread) {
    struct operation *wait = &thread->wait_operation;
    if (!operation_claim(wait)) {
        return; /* its deadline is ending it just now */
    }
    remove_deadline(wait);
    thread->frame.rax = ring_completion_count(&thread->ring);
    release_record(wait);
    thread_wake_locked(thread);
}

static void complete_in_ring(struct operation *operation, status_t status, uint64_t aux) {
    struct thread *thread = operation->thread;
    struct capos_completion completion = {
        .user_data = operation->user_data, .result = status, .aux = aux};
    bool is_chained = thread->chain_operation == operation;
    release_record(operation);
    ring_complete(&thread->ring, &completion);
    if (is_chained) {
        thread->chain_operation = NULL;
        thread->chain_failed = status != CAPOS_OK;
        if (atomic_load_explicit(&thread->wait_operation.state, memory_order_relaxed) ==
            OPERATION_ARMED) {
            /* The thread waits in the middle of its submission: it goes on with that first. */
            atomic_fetch_or_explicit(&thread->work, WORK_SUBMIT, memory_order_relaxed);
            finish_wait(thread);
            return;
        }
    }
    if (ring_completion_count(&thread->ring) >= thread->wait_count &&
        thread->chain_operation == NULL) {
        finish_wait(thread);
    }
}

void operation_complete(struct operation *operation, status_t status, uint64_t aux) {
    struct thread *thread = operation->thread;
    if (operation->kind == OPERATION_WAIT) {
        remove_deadline(operation);
    } else {
        drop_resources(operation);
    }
    spinlock_lock(&thread->ring_lock);
    switch (operation->kind) {
    case OPERATION_RING:
        complete_in_ring(operation, status, aux);
        break;
    case OPERATION_REGISTER:
        thread->frame.rax = (uint64_t)(int64_t)status;
        thread->frame.rdx = aux;
        release_record(operation);
        thread_wake_locked(thread);
        break;
    default: /* the deadline of cap_enter: what stands in the queue is the answer */
        thread->frame.rax = ring_completion_count(&thread->ring);
        release_record(operation);
        thread_wake_locked(thread);
        break;
    }
    spinlock_unlock(&thread->ring_lock);
}

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
        struct operation *operation = thread_operation(thread, i);
        if ((thread->operations_free >> i & 1) == 0 && operation->user_data == user_data &&
            operation_claim(operation)) {
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

static void end_record(struct operation *operation) {
    if (operation_claim(operation)) {
        unlink_claimed(operation);
        if (operation->kind == OPERATION_WAIT) {
            remove_deadline(operation);
        } else {
            drop_resources(operation);
        }
        operation_give(operation);
        return;
    }
    /* acquire: pairs with the release in release_record of whoever completes it. */
    while (atomic_load_explicit(&operation->state, memory_order_acquire) == OPERATION_CLAIMED) {
        arch_spin_pause();
    }
}

void operation_cancel_all(struct thread *thread) {
    for (uint32_t i = 0; i < CAPOS_RING_IN_FLIGHT_MAX; i++) {
        end_record(thread_operation(thread, i));
    }
    end_record(&thread->register_operation);
    end_record(&thread->wait_operation);
    /* Whoever freed a record, or woke the thread, may still hold this lock. */
    spinlock_lock(&thread->ring_lock);
    spinlock_unlock(&thread->ring_lock);
}

void operation_expire_due(struct cpu *cpu) {
    for (;;) {
        struct operation *operation = NULL;
        spinlock_lock(&cpu->timers.lock);
        struct timer_node *node = timer_queue_pop(&cpu->timers.queue, clock_now_ns());
        if (node != NULL) {
            operation = container_of(node, struct operation, timer);
            if (!operation_claim(operation)) {
                operation = NULL; /* somebody else is completing it */
            }
        }
        spinlock_unlock(&cpu->timers.lock);
        if (node == NULL) {
            return;
        }
        if (operation != NULL) {
            unlink_claimed(operation);
            operation_complete(operation,
                               operation->deadline_is_success ? CAPOS_OK : CAPOS_E_TIMED_OUT, 0);
        }
    }
}

void operation_queue_append(struct operation_queue *queue, struct operation *operation) {
    operation->next = NULL;
    operation->previous = queue->last;
    if (queue->last != NULL) {
        queue->last->next = operation;
    } else {
        queue->first = operation;
    }
    queue->last = operation;
}

void operation_queue_remove(struct operation_queue *queue, struct operation *operation) {
    if (operation->previous != NULL) {
        operation->previous->next = operation->next;
    } else {
        queue->first = operation->next;
    }
    if (operation->next != NULL) {
        operation->next->previous = operation->previous;
    } else {
        queue->last = operation->previous;
    }
    operation->next = operation->previous = NULL;
}
