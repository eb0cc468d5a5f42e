#include "kernel/sched/upcall.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/vector.h"
#include "kernel/debug/log.h"
#include "kernel/ring/enter.h"
#include "kernel/sched/fault.h"
#include "kernel/sched/process.h"

static struct upcall_machine machine;

/* The general registers stand in the same order in both frames. */
#define GENERAL_BYTES offsetof(struct capos_upcall_frame, rip)
_Static_assert(GENERAL_BYTES == offsetof(struct trap_frame, vector), "the same registers");
_Static_assert(offsetof(struct capos_upcall_frame, rdi) == offsetof(struct trap_frame, rdi), "");
_Static_assert(offsetof(struct capos_upcall_frame, rax) == offsetof(struct trap_frame, rax), "");
_Static_assert(offsetof(struct capos_upcall_frame, rbx) == offsetof(struct trap_frame, rbx), "");

_Static_assert(UPCALL_ROOM_BYTES % UPCALL_FRAME_ALIGN == 0, "XSAVE areas are aligned");

void upcall_init(void) {
    machine = (struct upcall_machine){
        .user_high = USER_HIGH,
        .components = cpu_features.xcr0,
        .mxcsr_mask = vector_mxcsr_mask(),
        .xsave_bytes = cpu_features.xsave_bytes,
        .rflags_mask = RFLAGS_USER_MASK,
        .rflags_fixed = RFLAGS_FIXED | RFLAGS_IF,
    };
}

/* The kernel's copy of a frame: its area is where the thread's vector state is kept. */
static struct capos_upcall_frame *image_of(struct thread *thread) {
    return (struct capos_upcall_frame *)(void *)(thread->vector_state - UPCALL_ROOM_BYTES);
}

/* ---- into the handler ------------------------------------------------------------------------ */

/* Why an upcall comes. */
struct reason {
    uint32_t kind, vector, error, flags;
    uint64_t address, value;
};

/* Writes all of a frame to a place that the program may write to at the same time: nothing is read
 * back. */
static void write_frame(const struct thread *thread, const struct reason *reason,
                        struct capos_upcall_frame *frame) {
    memcpy(frame, &thread->frame, GENERAL_BYTES);
    frame->rip = thread->frame.rip;
    frame->rflags = thread->frame.rflags;
    frame->rsp = thread->frame.rsp;
    frame->fs_base = thread->fs_base;
    frame->address = reason->address;
    frame->value = reason->value;
    frame->kind = reason->kind;
    frame->vector = reason->vector;
    frame->error = reason->error;
    frame->mask = atomic_load_explicit(&thread->upcall.mask, memory_order_relaxed);
    frame->flags = reason->flags;
    frame->size = upcall_frame_bytes(&machine);
    vector_state_write(frame->xsave);
}

/* False, with nothing changed, when the stack cannot take the frame. */
static bool enter_handler(struct thread *thread, const struct reason *reason) {
    struct trap_frame *frame = &thread->frame;
    struct upcall *upcall = &thread->upcall;
    status_t status;
    uint64_t address;
    if (upcall_frame_place(&machine, &upcall->stack, frame->rsp, &address) != CAPOS_OK) {
        return false;
    }
    uint64_t *target = space_window_reach(&thread->process->space, &upcall->window,
                                          address - UPCALL_RETURN_ADDRESS_BYTES, &status);
    if (target == NULL) {
        return false;
    }
    *target = 0; /* the return address */
    write_frame(thread, reason, (void *)(target + 1));
    vector_state_reset(thread->vector_state);
    frame->vector = VECTOR_UPCALL;
    frame->rip = upcall->handler;
    frame->rsp = address - UPCALL_RETURN_ADDRESS_BYTES;
    frame->rdi = address;
    frame->rsi = reason->kind;
    frame->rflags = machine.rflags_fixed;
    /* Who sends an interrupt just now may still find it clear: upcall_settle_locked. */
    atomic_store_explicit(&upcall->mask, CAPOS_UPCALL_MASK_ALL, memory_order_relaxed);
    return true;
}

enum upcall_outcome upcall_fault(struct thread *thread, uint64_t address) {
    struct upcall *upcall = &thread->upcall;
    if (upcall->handler == 0) {
        return UPCALL_NO_HANDLER;
    }
    uint32_t mask = atomic_load_explicit(&upcall->mask, memory_order_relaxed);
    if ((mask & CAPOS_UPCALL_MASK_FAULTS) != 0) {
        return UPCALL_MASKED;
    }
    const struct reason reason = {.kind = CAPOS_UPCALL_FAULT,
                                  .vector = (uint32_t)thread->frame.vector,
                                  .error = (uint32_t)thread->frame.error,
                                  .address = address};
    return enter_handler(thread, &reason) ? UPCALL_ENTERED : UPCALL_NO_STACK;
}

/* ---- interrupts ------------------------------------------------------------------------------ */

static bool is_due(const struct upcall *upcall) {
    /* seq_cst: pairs with upcall_interrupt, which adds bits and then looks at the mask; the thread
     * changes its mask and then looks for bits. */
    return atomic_load_explicit(&upcall->pending, memory_order_seq_cst) != 0 &&
           (atomic_load_explicit(&upcall->mask, memory_order_seq_cst) &
            CAPOS_UPCALL_MASK_INTERRUPTS) == 0 &&
           upcall->handler != 0;
}

static void look_again_locked(struct thread *thread) {
    if (is_due(&thread->upcall)) {
        thread_post_work_locked(thread, WORK_UPCALL);
    }
}

static void look_again(struct thread *thread) {
    spinlock_lock(&thread->ring_lock);
    look_again_locked(thread);
    spinlock_unlock(&thread->ring_lock);
}

void upcall_interrupt(struct thread *thread, uint64_t value) {
    spinlock_lock(&thread->ring_lock);
    atomic_fetch_or_explicit(&thread->upcall.pending, value, memory_order_seq_cst);
    look_again_locked(thread);
    spinlock_unlock(&thread->ring_lock);
}

bool upcall_settle_locked(struct thread *thread) {
    if (is_due(&thread->upcall)) {
        return true;
    }
    atomic_fetch_and_explicit(&thread->work, ~(uint32_t)WORK_UPCALL, memory_order_relaxed);
    return false;
}

/* Nothing that the program could go on with. */
static void end_process(struct thread *thread, uint64_t address) {
    struct exit_record record = {.reason = EXIT_FAULTED,
                                 .vector = EXIT_VECTOR_UPCALL,
                                 .address = address,
                                 .rip = thread->frame.rip,
                                 .rsp = thread->frame.rsp};
    process_end(thread->process, &record);
}

static void deliver(struct thread *thread, bool is_in_call) {
    struct process *process = thread->process;
    const struct reason reason = {
        .kind = CAPOS_UPCALL_INTERRUPT,
        .flags = is_in_call ? CAPOS_UPCALL_IN_CALL : 0,
        .value = atomic_exchange_explicit(&thread->upcall.pending, 0, memory_order_seq_cst),
    };
    if (!enter_handler(thread, &reason)) {
        log_printf("process %lu (%s): interrupt 0x%lx at rip 0x%lx, rsp 0x%lx; its stack for "
                   "upcalls cannot be written\n",
                   process->id, process->name, reason.value, thread->frame.rip, thread->frame.rsp);
        end_process(thread, thread->upcall.stack.low);
    }
}

void upcall_work(struct thread *thread) {
    spinlock_lock(&thread->ring_lock);
    bool is_wanted = upcall_settle_locked(thread);
    spinlock_unlock(&thread->ring_lock);
    if (is_wanted) {
        enum operation_interruption interruption = operation_interrupt(thread);
        if (interruption != OPERATION_LATER) {
            deliver(thread, interruption == OPERATION_IN_CALL);
        }
    }
}

/* ---- out of the handler ---------------------------------------------------------------------- */

/* The registers become those of the kernel's copy of a sound frame. */
static void take_frame(struct thread *thread, const struct capos_upcall_frame *image) {
    struct trap_frame *frame = &thread->frame;
    vector_state_load(thread->vector_state);
    memcpy(frame, image, GENERAL_BYTES);
    frame->vector = VECTOR_UPCALL;
    frame->rip = image->rip;
    frame->rflags = upcall_frame_rflags(&machine, image);
    frame->rsp = image->rsp;
    if (thread->fs_base != image->fs_base) {
        thread->fs_base = image->fs_base;
        msr_write(MSR_FS_BASE, image->fs_base);
    }
}

__attribute__((noinline)) static void end_for_bad_frame(struct thread *thread, uint64_t address,
                                                        const char *flaw) {
    vector_state_write(thread->vector_state); /* what came is in that area, and must never count */
    log_printf("process %lu (%s): returned from an upcall with a bad frame at 0x%lx: its %s\n",
               thread->process->id, thread->process->name, address, flaw);
    end_process(thread, address);
}

/* Copies a frame in, once. */
static status_t get_frame(struct thread *thread, uint64_t address) {
    struct space *space = &thread->process->space;
    struct capos_upcall_frame *image = image_of(thread);
    uint64_t bytes = upcall_frame_bytes(&machine);
    if (address % PAGE_SIZE + bytes <= PAGE_SIZE) {
        status_t status;
        const void *source = space_window_reach(space, &thread->upcall.window, address, &status);
        if (source != NULL) {
            memcpy(image, source, bytes);
            return CAPOS_OK;
        }
    }
    return space_copy_in(space, image, address, bytes);
}

static void return_from(struct thread *thread, uint64_t address) {
    struct upcall *upcall = &thread->upcall;
    const struct capos_upcall_frame *image = image_of(thread);
    const char *flaw =
        get_frame(thread, address) == CAPOS_OK ? upcall_frame_flaw(&machine, image) : "address";
    if (flaw != NULL) {
        end_for_bad_frame(thread, address, flaw);
        return;
    }
    take_frame(thread, image);
    atomic_store_explicit(&upcall->mask, image->mask, memory_order_seq_cst);
    if (atomic_load_explicit(&upcall->pending, memory_order_seq_cst) != 0) {
        look_again(thread);
    }
    if ((image->flags & CAPOS_UPCALL_IN_CALL) != 0) {
        ring_enter_resume(thread);
    }
}

_Noreturn void upcall_return(struct thread *thread, uint64_t frame) {
    return_from(thread, frame);
    trap_leave(); /* the way out of system calls would keep some registers as they are */
}

/* ---- what a thread says of itself ------------------------------------------------------------ */

void upcall_set_handler(struct thread *thread, uint64_t handler, const struct upcall_stack *stack) {
    spinlock_lock(&thread->ring_lock);
    thread->upcall.handler = handler;
    thread->upcall.stack = *stack;
    look_again_locked(thread);
    spinlock_unlock(&thread->ring_lock);
}

uint32_t upcall_set_mask(struct thread *thread, uint32_t mask) {
    uint32_t previous = atomic_exchange_explicit(&thread->upcall.mask, mask, memory_order_seq_cst);
    look_again(thread);
    return previous;
}
