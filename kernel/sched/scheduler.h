#pragma once
/*
 * When which thread runs. Per-CPU queues of 32 bands, the most urgent first, round robin within a
 * band; on which CPU is decided in placement.h. The timer is one-shot: with nobody else ready and
 * nothing due it does not fire.
 */
#include "kernel/sched/thread.h"

#define TIME_SLICE_NS UINT64_C(5000000)

struct cpu;

/* Puts a ready thread into a queue and tells a CPU that should look. */
void scheduler_insert(struct thread *thread);

/* The thread of this CPU gives up its turn: it stays ready, behind others of its band. */
void scheduler_yield(void);

/* The thread of this CPU has ended: the CPU runs nobody, and tidies up after it. */
void scheduler_drop_thread(void);

/* Called by the way out of the kernel: ends threads that are to end, picks who runs, switches to
 * it, and returns its trap frame. Idles inside until there is somebody. */
struct trap_frame *scheduler_pick(void);

/* The local timer fired. */
void scheduler_tick(void);

/* A deadline was put into this CPU's timers, or time_due_ns set: arm the hardware if it is the
 * earliest. */
void scheduler_arm(struct cpu *cpu);

/* The thread of this CPU may have lost, with its process's last Timer, the time-stamp counter. */
void scheduler_check_time(void);

/* This CPU starts to schedule; never returns. */
_Noreturn void scheduler_start(void);
