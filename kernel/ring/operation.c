#include "kernel/ring/operation.h"

#include "capos/opcodes.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/mm/frame.h"
#include "kernel/ring/operation_parts.h"
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

void operation_free_pool(struct thread *thread) {
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

void operation_release_record(struct operation *operation) {
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
    operation_release_record(operation);
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

void operation_remove_deadline(struct operation *operation) {
    struct cpu *cpu = operation->timer_cpu;
    if (cpu == NULL) {
        return;
    }
    spinlock_lock(&cpu->timers.lock);
    timer_queue_remove(&cpu->timers.queue, &operation->timer);
    spinlock_unlock(&cpu->timers.lock);
    operation->timer_cpu = NULL;
}

inline void operation_drop_resources(struct operation *operation) {
    if (operation->timer_cpu != NULL) {
        operation_remove_deadline(operation);
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
    operation_remove_deadline(wait);
    thread->frame.rax = ring_completion_count(&thread->ring);
    operation_release_record(wait);
    thread_wake_locked(thread);
}

static void complete_in_ring(struct operation *operation, status_t status, uint64_t aux) {
    struct thread *thread = operation->thread;
    struct capos_completion completion = {
        .user_data = operation->user_data, .result = status, .aux = aux};
    bool is_chained = thread->chain_operation == operation;
    operation_release_record(operation);
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
        operation_remove_deadline(operation);
    } else {
        operation_drop_resources(operation);
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
        operation_release_record(operation);
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
