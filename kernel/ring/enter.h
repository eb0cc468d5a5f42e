#pragma once
/*
 * The two system calls, and the way of an entry through them.
 *
 * Rules
 * - On the CPU of the thread, interrupts off, no lock held. When a function returns, the thread is
 *   RUNNING, WAITING, or has the work bit to end; trap_resume goes on from there.
 */
#include "kernel/types.h"

struct thread;

/* Called by entry.S with the current thread, whose frame has all but the registers that a function
 * preserves: those follow when the CPU needs attention. */
void syscall_dispatch(struct thread *thread);

/* The rest of a cap_enter whose linked entry was in flight. */
void ring_enter_continue(struct thread *thread);
/* The rest of a cap_enter whose CALL of the register form was interrupted by an upcall. */
void ring_enter_resume(struct thread *thread);
/* Under ring_lock: what is left of the chain when its cap_enter is over: nothing. */
void ring_close_chain_locked(struct thread *thread);
