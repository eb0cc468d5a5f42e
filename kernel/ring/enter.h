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
struct trap_frame;

/* Called by entry.S with the frame of the current thread. */
void syscall_dispatch(struct trap_frame *frame);

/* The rest of a cap_enter whose linked entry was in flight. */
void ring_enter_continue(struct thread *thread);
