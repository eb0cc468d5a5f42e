#include "kernel/ring/operation.h"

#include "capos/opcodes.h"
#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/mm/frame.h"
#include "kernel/ring/enter.h"
#include "kernel/sched/object_timer.h"
#include "kernel/sched/park.h"
#include "kernel/sched/process.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sched/thread.h"

_Static_assert(CAPOS_RING_IN_FLIGHT_MAX == 32, "records_free is a word");
_Static_assert(THREAD_RECORDS_PER_FRAME * sizeof(struct operation) <= PAGE_SIZE,
               "so many records are a page");

static void init_record(struct thread *thread, struct operation *operation, uint8_t kind,
                        uint32_t index) {
    operation->thread = thread;
    operation->kind = kind;
    operation->index = (uint8_t)index;
    operation->space = &thread->process->space;
    park_waiter_init(&operation->waiter);
}

void operation_init_thread(struct thread *thread) {
    thread->register_operation = &thread->register_records[0];
    for (uint32_t i = 0; i < ARRAY_COUNT(thread->register_records); i++) {
        init_record(thread, &thread->register_records[i], OPERATION_REGISTER, i);
    }
    init_record(thread, &thread->wait_operation, OPERATION_WAIT, 0);
}

/* One more frame of records. Only the thread itself comes here, so nobody else adds one. */
static status_t grow_pool(struct thread *thread) {
    uint32_t number = 0;
    while (number < THREAD_RECORD_FRAMES && thread->records[number] != NULL) {
        number++;
    }
    if (number == THREAD_RECORD_FRAMES) {
        return CAPOS_E_BUSY;
    }
    status_t status = ledger_charge(&thread->process->ledger, LEDGER_FRAMES, 1);
    if (status != CAPOS_OK) {
        return status;
    }
    paddr_t frame = frame_alloc_zeroed();
    if (paddr_is_none(frame)) {
        ledger_refund(&thread->process->ledger, LEDGER_FRAMES, 1);
        return CAPOS_E_NO_MEMORY;
    }
    spinlock_lock(&thread->ring_lock);
    thread->records[number] = direct_map(frame);
    for (uint32_t i = 0; i < THREAD_RECORDS_PER_FRAME; i++) {
        uint32_t index = number * THREAD_RECORDS_PER_FRAME + i;
        init_record(thread, thread_record(thread, index), OPERATION_RING, index);
        thread->records_free |= 1u << index;
    }
    spinlock_unlock(&thread->ring_lock);
    return CAPOS_OK;
}

static void free_pool(struct thread *thread) {
    for (uint32_t number = 0; number < THREAD_RECORD_FRAMES; number++) {
        if (thread->records[number] != NULL) {
            frame_free(direct_map_paddr(thread->records[number]));
            ledger_refund(&thread->process->ledger, LEDGER_FRAMES, 1);
            thread->records[number] = NULL;
        }
    }
    thread->records_free = 0;
}

/* A free record of the ring's pool; the entry that follows may be linked to it. */
static status_t take_record(struct thread *thread, bool is_linked,
                            struct operation **operation_out) {
    for (;;) {
        spinlock_lock(&thread->ring_lock);
        if (thread->records_free != 0) {
            break;
        }
        spinlock_unlock(&thread->ring_lock);
        status_t status = grow_pool(thread);
        if (status != CAPOS_OK) {
            return status;
        }
    }
    uint32_t index = (uint32_t)__builtin_ctz(thread->records_free);
    thread->records_free &= ~(1u << index);
    struct operation *operation = thread_record(thread, index);
    ASSERT(atomic_load_explicit(&operation->state, memory_order_relaxed) == OPERATION_FREE);
    atomic_store_explicit(&operation->state, OPERATION_PREPARING, memory_order_relaxed);
    /* Set before the entry runs: it may be complete before that returns. */
    thread->chain_operation = is_linked ? operation : NULL;
    spinlock_unlock(&thread->ring_lock);
    *operation_out = operation;
    return CAPOS_OK;
}

static void fill_in(struct operation *operation, uint64_t deadline_ns) {
    operation->unlink = NULL;
    operation->object = NULL;
    operation->message = 0;
    operation->has_deadline = deadline_ns != CAPOS_FOREVER;
    operation->deadline_ns = deadline_ns;
    operation->deadline_is_success = false;
    operation->outlasts_upcall = false;
}

struct operation *operation_prepare_register(struct thread *thread, uint64_t deadline_ns) {
    struct operation *operation = thread->register_operation;
    atomic_store_explicit(&operation->state, OPERATION_PREPARING, memory_order_relaxed);
    fill_in(operation, deadline_ns);
    return operation;
}

status_t operation_prepare(struct thread *thread, const struct capos_entry *entry, bool is_register,
                           struct operation **operation_out) {
    if (is_register) {
        *operation_out = operation_prepare_register(thread, entry->deadline_ns);
        (*operation_out)->outlasts_upcall = entry->opcode == CAPOS_OP_CALL;
        return CAPOS_OK;
    }
    struct operation *operation;
    status_t status = take_record(thread, (entry->flags & CAPOS_ENTRY_LINK) != 0, &operation);
    if (status == CAPOS_OK) {
        operation->user_data = entry->user_data;
        operation->flags = entry->flags;
        fill_in(operation, entry->deadline_ns);
        *operation_out = operation;
    }
    return status;
}

/* Under the ring's lock. */
static void release_record(struct operation *operation) {
    struct thread *thread = operation->thread;
    atomic_store_explicit(&operation->state, OPERATION_FREE, memory_order_release);
    if (operation->kind == OPERATION_RING) {
        thread->records_free |= 1u << operation->index;
    }
}

void operation_give(struct operation *operation) {
    struct thread *thread = operation->thread;
    if (operation->kind == OPERATION_REGISTER) {
        atomic_store_explicit(&operation->state, OPERATION_FREE, memory_order_relaxed);
        return;
    }
    spinlock_lock(&thread->ring_lock);
    release_record(operation);
    thread->chain_operation = NULL; /* it ran just now: nothing is in flight in its chain */
    spinlock_unlock(&thread->ring_lock);
}

status_t operation_charge_record(struct operation *operation) {
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

void operation_refund_record(struct operation *operation) {
    struct ledger *ledger = &operation->thread->process->ledger;
    if (operation->has_deadline) {
        ledger_refund(ledger, LEDGER_TIMERS, 1);
    }
    ledger_refund(ledger, LEDGER_OPERATIONS, 1);
}

void operation_arm_deadline(struct operation *operation) {
    struct cpu *cpu = cpu_current();
    operation->timer_cpu = cpu;
    timer_node_init(&operation->timer);
    /* release: pairs with the acquire in operation_claim; the record is filled in. */
    atomic_store_explicit(&operation->state, OPERATION_ARMED, memory_order_release);
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
static inline void drop_resources(struct operation *operation) {
    if (operation->timer_cpu != NULL) {
        remove_deadline(operation);
    }
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

/* The thread waits for this one alone: its result goes to the registers. */
static inline void complete_register(struct operation *operation, status_t status, uint64_t aux) {
    struct thread *thread = operation->thread;
    struct upcall *upcall = &thread->upcall;
    spinlock_lock(&thread->ring_lock);
    /* release: pairs with the acquire in await_completion */
    atomic_store_explicit(&operation->state, OPERATION_FREE, memory_order_release);
    if (operation == upcall->in_call) { /* those registers are in the frame of an upcall */
        upcall->in_call_status = status;
        upcall->in_call_aux = aux;
    } else {
        thread->frame.rax = (uint64_t)(int64_t)status;
        thread->frame.rdx = aux;
        thread_wake_locked(thread);
    }
    spinlock_unlock(&thread->ring_lock);
}

void operation_complete(struct operation *operation, status_t status, uint64_t aux) {
    struct thread *thread = operation->thread;
    if (operation->kind == OPERATION_WAIT) {
        remove_deadline(operation);
    } else {
        drop_resources(operation);
    }
    if (operation->kind == OPERATION_REGISTER) {
        complete_register(operation, status, aux);
        return;
    }
    spinlock_lock(&thread->ring_lock);
    if (operation->kind == OPERATION_RING) {
        complete_in_ring(operation, status, aux);
    } else { /* the deadline of cap_enter: what stands in the queue is the answer */
        thread->frame.rax = ring_completion_count(&thread->ring);
        release_record(operation);
        thread_wake_locked(thread);
    }
    spinlock_unlock(&thread->ring_lock);
}

inline void operation_complete_wait(struct operation *operation) {
    if (operation->kind == OPERATION_REGISTER && operation->timer_cpu == NULL) {
        complete_register(operation, CAPOS_OK, 0);
    } else {
        operation_complete(operation, CAPOS_OK, 0);
    }
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
    /* acquire: pairs with the release in release_record of whoever completes it. */
    while (atomic_load_explicit(&operation->state, memory_order_acquire) == OPERATION_CLAIMED) {
        arch_spin_pause();
    }
}

static void end_record(struct operation *operation) {
    if (operation_claim(operation)) {
        unlink_claimed(operation);
        if (operation->kind == OPERATION_WAIT) {
            remove_deadline(operation);
        } else {
            drop_resources(operation);
        }
        spinlock_lock(&operation->thread->ring_lock);
        release_record(operation);
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
    free_pool(thread);
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
    remove_deadline(wait);
    release_record(wait);
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

void operation_list_complete(const struct operation_list *list, status_t status) {
    struct operation *operation = list->first;
    while (operation != NULL) {
        struct operation *next = operation->next; /* the record is gone once it is complete */
        operation_complete(operation, status, 0);
        operation = next;
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

void operation_queue_claim_all(struct operation_queue *queue, struct operation_list *claimed) {
    struct operation *operation = queue->first;
    while (operation != NULL) {
        struct operation *next = operation->next;
        if (operation_claim(operation)) {
            operation_queue_remove(queue, operation);
            operation->unlink = NULL;
            operation_list_append(claimed, operation);
        }
        operation = next;
    }
}

struct operation *operation_queue_claim_first(struct operation_queue *queue) {
    struct operation *operation = queue->first;
    while (operation != NULL && !operation_claim(operation)) {
        operation = operation->next;
    }
    if (operation != NULL) {
        operation_queue_remove(queue, operation);
        operation->unlink = NULL;
    }
    return operation;
}
