#pragma once
/*
 * Upcalls: faults and interrupts enter a handler of the thread, and the thread comes back by the
 * frame that it was given. docs/abi.md, "Upcalls".
 *
 * Rules
 * - All but upcall_interrupt: on the CPU of the thread, which is running, with no lock held.
 *   upcall_fault and upcall_work want all its registers in its frame.
 * - The thread alone changes handler and stack, under ring_lock, and reads them without; others
 * read them under it.
 * - WORK_UPCALL is set whenever an interrupt is to be delivered, and may be set when none is any
 *   more: upcall_settle_locked tells.
 */
#include <stdatomic.h>

#include "core/upcall_frame.h"
#include "kernel/mm/space.h"
#include "kernel/types.h"

struct operation;
struct thread;

struct upcall {
    uint64_t handler; /* 0: none */
    struct upcall_stack stack;
    struct space_window window; /* to the page with the frame that was written or read last */
    _Atomic uint32_t mask;      /* changed by the thread alone */
    _Atomic uint64_t pending;   /* bits that were sent and not delivered */

    struct operation *in_call; /* the CALL that the handler has interrupted, or NULL */
    status_t in_call_status;   /* when it is complete; both guarded by ring_lock */
    uint64_t in_call_aux;
};

/* Room before a thread's vector state: with a frame there, a program's frame is copied in one
 * piece. Keeps the vector state aligned. */
#define UPCALL_ROOM_BYTES sizeof(struct capos_upcall_frame)

enum upcall_outcome {
    UPCALL_ENTERED,    /* the thread goes on in its handler */
    UPCALL_NO_HANDLER, /* there is none */
    UPCALL_MASKED,     /* it runs already, or the thread wanted so */
    UPCALL_NO_STACK,   /* the frame cannot be written */
};

/* Once, on the boot CPU. */
void upcall_init(void);

/* The thread's instruction faulted as its trap frame says; address: of a page fault. */
enum upcall_outcome upcall_fault(struct thread *thread, uint64_t address);

/* Somebody sends bits to the thread. Any CPU. */
void upcall_interrupt(struct thread *thread, uint64_t value);

/* Delivers an interrupt, if one is due. The thread has WORK_UPCALL. */
void upcall_work(struct thread *thread);
/* Under ring_lock, by the thread itself: whether one is due. If not, WORK_UPCALL is cleared. */
bool upcall_settle_locked(struct thread *thread);

/* Leaves the handler: the thread goes on as the frame at this user address says, or its process is
 * to end. In a system call that has nothing else to do. */
_Noreturn void upcall_return(struct thread *thread, uint64_t frame);

/* The methods of Signal, whose parameters are checked. */
void upcall_set_handler(struct thread *thread, uint64_t handler, const struct upcall_stack *stack);
uint32_t upcall_set_mask(struct thread *thread, uint32_t mask);
