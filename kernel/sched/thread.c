#include "kernel/sched/thread.h"

#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/vector.h"
#include "kernel/cap/thread_exit.h"
#include "kernel/mm/frame.h"
#include "kernel/sched/park.h"
#include "kernel/sched/placement.h"
#include "kernel/sched/process.h"
#include "kernel/sched/scheduler.h"

/* XSAVE areas are 64-aligned (SDM volume 1, 13.4). */
#define VECTOR_OFFSET (((sizeof(struct thread) + 63) & ~(size_t)63) + UPCALL_ROOM_BYTES)
_Static_assert(VECTOR_OFFSET + 512 + 64 + 256 <= PAGE_SIZE, "struct and AVX state are a page");

static _Atomic uint64_t next_id = 1;
static _Atomic uint32_t count;

static bool is_vector_state_apart(void) {
    return VECTOR_OFFSET + cpu_features.xsave_bytes > PAGE_SIZE;
}

/* The frames of the struct and its vector state, which live as long as anybody holds it. */
static uint64_t struct_frames(void) {
    return is_vector_state_apart() ? 2 : 1;
}

static void free_struct(struct thread *thread) {
    if (is_vector_state_apart() && thread->vector_state != NULL) {
        frame_free(direct_map_paddr(thread->vector_state - UPCALL_ROOM_BYTES));
    }
    frame_free(direct_map_paddr(thread));
}

static void destroy_thread(struct object *object) {
    struct thread *thread = container_of(object, struct thread, object);
    struct process *process = thread->process;
    ASSERT(thread->state == THREAD_ENDED || thread->state == THREAD_NEW);
    free_struct(thread);
    process_refund_lasting(process, struct_frames());
    object_unref(&process->object);
}

const struct object_type thread_type = {"Thread", destroy_thread};

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

static struct thread *allocate_struct(void) {
    paddr_t frame = frame_alloc_zeroed();
    if (paddr_is_none(frame)) {
        return NULL;
    }
    struct thread *thread = direct_map(frame);
    thread->vector_state = (uint8_t *)thread + VECTOR_OFFSET;
    if (is_vector_state_apart()) {
        paddr_t apart = frame_alloc_zeroed();
        thread->vector_state = NULL;
        if (paddr_is_none(apart)) {
            free_struct(thread);
            return NULL;
        }
        thread->vector_state = (uint8_t *)direct_map(apart) + UPCALL_ROOM_BYTES;
    }
    return thread;
}

static void init_struct(struct thread *thread, struct process *process) {
    object_init(&thread->object, &thread_type);
    object_ref(&process->object);
    thread->process = process;
    thread->id = atomic_fetch_add_explicit(&next_id, 1, memory_order_relaxed);
    placement_init(thread, process_initial_priority(process), cpu_all());
    thread->park_capability = UINT64_MAX; /* which is never an id */
    thread->frame.cs = SELECTOR_USER_CODE;
    thread->frame.ss = SELECTOR_USER_DATA;
    thread->frame.rflags = RFLAGS_FIXED | RFLAGS_IF;
    thread->cpu = thread->home = cpu_current()->index;
    cpu_clock_init(&thread->clock);
    spinlock_init(&thread->ring_lock);
    spinlock_init(&thread->lock);
    operation_init_thread(thread);
    vector_state_init(thread->vector_state);
}

/* The ring's pages. A program cannot take them away, so they are the space's as its other pages
 * are, and the kernel may keep its own way to them. */
static status_t make_ring(struct thread *thread) {
    struct space *space = &thread->process->space;
    uint32_t protection = PROTECT_READ | PROTECT_WRITE;
    paddr_t frames[sizeof(struct capos_ring) / PAGE_SIZE];
    status_t status = space_map(space, 0, sizeof(struct capos_ring), SPACE_RING, protection,
                                SPACE_TAG_BORROWED, &thread->ring_address);
    if (status != CAPOS_OK) {
        return status;
    }
    for (uint32_t i = 0; i < ARRAY_COUNT(frames) && status == CAPOS_OK; i++) {
        status =
            space_add_page(space, thread->ring_address + i * PAGE_SIZE, protection, &frames[i]);
    }
    if (status != CAPOS_OK) {
        space_unmap_fixed(space, thread->ring_address, sizeof(struct capos_ring));
        return status;
    }
    ring_state_init(&thread->ring, direct_map(frames[0]));
    thread->ring.entries = direct_map(frames[1]);
    return CAPOS_OK;
}

static status_t make_thread(struct process *process, struct thread **thread_out) {
    status_t status = process_charge_lasting(process, struct_frames());
    if (status != CAPOS_OK) {
        return status;
    }
    struct thread *thread = allocate_struct();
    if (thread == NULL) {
        process_refund_lasting(process, struct_frames());
        return CAPOS_E_NO_MEMORY;
    }
    init_struct(thread, process);
    status = make_ring(thread);
    if (status != CAPOS_OK) {
        object_unref(&thread->object);
        return status;
    }
    *thread_out = thread;
    return CAPOS_OK;
}

static void unmap_ring(struct thread *thread) {
    space_unmap_fixed(&thread->process->space, thread->ring_address, sizeof(struct capos_ring));
}

status_t thread_create(struct process *process, struct thread **thread_out) {
    status_t status = charge_thread(&process->ledger);
    if (status != CAPOS_OK) {
        return status;
    }
    status = make_thread(process, thread_out);
    if (status == CAPOS_OK) {
        status = process_add_thread(process, *thread_out);
        if (status != CAPOS_OK) {
            unmap_ring(*thread_out);
            object_unref(&(*thread_out)->object);
        }
    }
    if (status != CAPOS_OK) {
        refund_thread(&process->ledger);
        return status;
    }
    atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
    return CAPOS_OK;
}

void thread_start(struct thread *thread) {
    spinlock_lock(&thread->ring_lock);
    thread->state = THREAD_READY;
    scheduler_insert(thread);
    spinlock_unlock(&thread->ring_lock);
}

void thread_abandon(struct thread *thread) {
    struct process *process = thread->process;
    ASSERT(thread->state == THREAD_NEW);
    (void)process_remove_thread(process, thread);
    unmap_ring(thread);
    refund_thread(&process->ledger);
    atomic_fetch_sub_explicit(&count, 1, memory_order_relaxed);
    object_unref(&thread->object);
}

/* What a thread leaves to the others of its process, none of whom sees it halfway. */
static void leave(struct thread *thread) {
    struct process *process = thread->process;
    const struct thread_exit *exit = &thread->exit;
    unmap_ring(thread);
    if (exit->stack_size_bytes != 0) {
        (void)space_unmap(&process->space, exit->stack, exit->stack_size_bytes);
    }
    if (exit->word != 0) {
        const uint32_t zero = 0;
        if (space_copy_out(&process->space, exit->word, &zero, sizeof zero) == CAPOS_OK) {
            park_wake_all(process, exit->word);
        }
    }
}

void thread_reap(struct thread *thread) {
    struct cpu *cpu = cpu_current();
    struct process *process = thread->process;
    ASSERT(cpu->thread == thread);
    operation_cancel_all(thread);
    if (!process_is_ending(process)) {
        leave(thread);
    }
    scheduler_drop_thread();
    refund_thread(&process->ledger);
    atomic_fetch_sub_explicit(&count, 1, memory_order_relaxed);
    spinlock_lock(&thread->ring_lock);
    thread->state = THREAD_ENDED;
    atomic_store_explicit(&thread->on_cpu, false, memory_order_relaxed);
    spinlock_unlock(&thread->ring_lock);
    bool is_last = process_remove_thread(process, thread);
    if (is_last) {
        space_activate(NULL);
    }
    thread_exit_complete(thread);
    if (is_last) { /* else somebody else may have ended the process by now */
        process_reap(process);
    }
}

uint32_t thread_count(void) {
    return atomic_load_explicit(&count, memory_order_relaxed);
}

inline void thread_wake_locked(struct thread *thread) {
    if (thread->state == THREAD_WAITING) {
        thread->state = THREAD_READY;
        scheduler_insert(thread);
    }
}

void thread_show_work(struct thread *thread) {
    if (atomic_load_explicit(&thread->on_cpu, memory_order_seq_cst)) {
        /* It looks at the bits on its way out of the kernel, which this brings about. */
        struct cpu *cpu = cpus[atomic_load_explicit(&thread->cpu, memory_order_relaxed)];
        if (cpu == cpu_current()) {
            cpu_need_attention();
        } else {
            apic_send(cpu->apic_id, VECTOR_RESCHEDULE);
        }
    }
}

void thread_post_work_locked(struct thread *thread, uint32_t bits) {
    atomic_fetch_or_explicit(&thread->work, bits, memory_order_seq_cst);
    if (thread->state == THREAD_WAITING) {
        thread_wake_locked(thread);
    } else {
        thread_show_work(thread);
    }
}

void thread_post_work(struct thread *thread, uint32_t bits) {
    spinlock_lock(&thread->ring_lock);
    thread_post_work_locked(thread, bits);
    spinlock_unlock(&thread->ring_lock);
}

bool thread_must_work_locked(struct thread *thread, uint32_t work) {
    work &= ~(uint32_t)WORK_PLACE; /* that may come after the wait */
    return work == WORK_UPCALL ? upcall_settle_locked(thread) : work != 0;
}
