#include "kernel/sched/thread.h"

#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/vector.h"
#include "kernel/mm/frame.h"
#include "kernel/sched/process.h"
#include "kernel/sched/scheduler.h"

_Static_assert(sizeof(struct thread) <= PAGE_SIZE, "a thread is a page");
_Static_assert(CAPOS_RING_IN_FLIGHT_MAX == 32, "operations_free is a word");
_Static_assert(THREAD_OPERATIONS_PER_FRAME * sizeof(struct operation) <= PAGE_SIZE,
               "half the records are a page");

static _Atomic uint64_t next_id = 1;

static void give_frames(struct ledger *ledger, const paddr_t *frames, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        frame_free(frames[i]);
    }
    ledger_refund(ledger, LEDGER_FRAMES, count);
}

/* All of them or none. */
static status_t take_frames(struct ledger *ledger, paddr_t *frames, uint32_t count) {
    status_t status = ledger_charge(ledger, LEDGER_FRAMES, count);
    if (status != CAPOS_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        frames[i] = frame_alloc_zeroed();
        if (paddr_is_none(frames[i])) {
            for (uint32_t taken = 0; taken < i; taken++) {
                frame_free(frames[taken]);
            }
            ledger_refund(ledger, LEDGER_FRAMES, count);
            return CAPOS_E_NO_MEMORY;
        }
    }
    return CAPOS_OK;
}

static void init_operation(struct thread *thread, struct operation *operation, uint8_t kind,
                           uint8_t index) {
    operation->thread = thread;
    operation->kind = kind;
    operation->index = index;
    operation->space = &thread->process->space;
}

static void init_operations(struct thread *thread) {
    for (uint32_t i = 0; i < CAPOS_RING_IN_FLIGHT_MAX; i++) {
        init_operation(thread, thread_operation(thread, i), OPERATION_RING, (uint8_t)i);
    }
    thread->operations_free = UINT32_MAX;
    init_operation(thread, &thread->register_operation, OPERATION_REGISTER, 0);
    init_operation(thread, &thread->wait_operation, OPERATION_WAIT, 0);
}

/* Shows the ring to the program. Its frames stay the kernel's, so the pages are not owned. */
static status_t map_ring(struct thread *thread) {
    struct space *space = &thread->process->space;
    uint32_t protection = PROTECT_READ | PROTECT_WRITE;
    status_t status = space_map(space, 0, sizeof(struct capos_ring), SPACE_RING, protection,
                                SPACE_TAG_BORROWED, &thread->ring_address);
    for (uint32_t i = 0; status == CAPOS_OK && i < THREAD_RING_FRAMES; i++) {
        status = space_map_frame(space, thread->ring_address + i * PAGE_SIZE,
                                 thread->ring_frames[i], protection, false);
    }
    return status;
}

static status_t charge_thread(struct ledger *ledger) {
    status_t status = ledger_charge(ledger, LEDGER_THREADS, 1);
    if (status == CAPOS_OK) {
        status = ledger_charge(ledger, LEDGER_RINGS, 1);
        if (status != CAPOS_OK) {
            ledger_refund(ledger, LEDGER_THREADS, 1);
        }
    }
    return status;
}

static void refund_thread(struct ledger *ledger) {
    ledger_refund(ledger, LEDGER_RINGS, 1);
    ledger_refund(ledger, LEDGER_THREADS, 1);
}

static void init_registers(struct thread *thread) {
    thread->frame.cs = SELECTOR_USER_CODE;
    thread->frame.ss = SELECTOR_USER_DATA;
    thread->frame.rflags = RFLAGS_FIXED | RFLAGS_IF;
    vector_state_init(thread->vector_state);
}

status_t thread_create(struct process *process, struct thread **thread_out) {
    struct ledger *ledger = &process->ledger;
    paddr_t frames[THREAD_FRAMES], ring_frames[THREAD_RING_FRAMES];
    status_t status = charge_thread(ledger);
    if (status != CAPOS_OK) {
        return status;
    }
    status = take_frames(ledger, frames, THREAD_FRAMES);
    if (status != CAPOS_OK) {
        refund_thread(ledger);
        return status;
    }
    status = take_frames(ledger, ring_frames, THREAD_RING_FRAMES);
    if (status != CAPOS_OK) {
        give_frames(ledger, frames, THREAD_FRAMES);
        refund_thread(ledger);
        return status;
    }
    struct thread *thread = direct_map(frames[0]);
    memcpy(thread->frames, frames, sizeof frames);
    memcpy(thread->ring_frames, ring_frames, sizeof ring_frames);
    thread->process = process;
    thread->id = atomic_fetch_add_explicit(&next_id, 1, memory_order_relaxed);
    thread->vector_state = direct_map(frames[1]);
    thread->operations[0] = direct_map(frames[2]);
    thread->operations[1] = direct_map(frames[3]);
    thread->band = PRIORITY_DEFAULT;
    spinlock_init(&thread->ring_lock);
    ring_state_init(&thread->ring, direct_map(ring_frames[0]));
    thread->ring.entries = direct_map(ring_frames[1]);
    init_operations(thread);
    init_registers(thread);
    status = map_ring(thread);
    if (status != CAPOS_OK) {
        thread_destroy(thread);
        return status;
    }
    *thread_out = thread;
    return CAPOS_OK;
}

void thread_destroy(struct thread *thread) {
    struct ledger *ledger = &thread->process->ledger;
    paddr_t frames[THREAD_FRAMES];
    memcpy(frames, thread->frames, sizeof frames);
    give_frames(ledger, thread->ring_frames, THREAD_RING_FRAMES);
    give_frames(ledger, frames, THREAD_FRAMES);
    refund_thread(ledger);
}

void thread_wake_locked(struct thread *thread) {
    if (thread->state == THREAD_WAITING) {
        thread->state = THREAD_READY;
        scheduler_insert(thread);
    }
}

void thread_post_work(struct thread *thread, uint32_t bits) {
    atomic_fetch_or_explicit(&thread->work, bits, memory_order_seq_cst);
    spinlock_lock(&thread->ring_lock);
    if (thread->state == THREAD_WAITING) {
        thread_wake_locked(thread);
    } else if (atomic_load_explicit(&thread->on_cpu, memory_order_seq_cst) &&
               cpus[thread->cpu] != cpu_current()) {
        /* It looks at the bits on its way out of the kernel, which this brings about. */
        apic_send(cpus[thread->cpu]->apic_id, VECTOR_RESCHEDULE);
    }
    spinlock_unlock(&thread->ring_lock);
}
