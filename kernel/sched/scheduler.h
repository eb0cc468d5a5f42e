#pragma once
/*
 * Which thread runs where. Per-CPU queues of 32 bands, round robin within a band, stealing by CPUs
 * that would idle. The timer is one-shot: with nobody else ready and nothing due it does not fire.
 */
#include "kernel/sched/thread.h"

#define TIME_SLICE_NS UINT64_C(5000000)

struct cpu;
struct process;

/* Puts a ready thread into a queue and tells a CPU that should look. */
void scheduler_insert(struct thread *thread);

/* The thread of this CPU gives up its turn: it stays ready, behind others of its band. */
void scheduler_yield(void);

/* Called by the way out of the kernel: ends threads that are to end, picks who runs, switches to
 * it, and returns its trap frame. Idles inside until there is somebody. */
struct trap_frame *scheduler_pick(void);

/* The local timer fired. */
void scheduler_tick(void);

/* A deadline was put into this CPU's timers: arm the hardware if it is the earliest. */
void scheduler_arm(struct cpu *cpu);

/* The thread of this CPU may have lost, with its process's last Timer, the time-stamp counter. */
void scheduler_check_time(void);

/* CPU time of a thread up to now, if it runs on this CPU. */
uint64_t scheduler_cpu_time(const struct thread *thread);

/* CPU time of all threads of the process that runs here. */
uint64_t scheduler_process_time(const struct process *process);

/* This CPU starts to schedule; never returns. */
_Noreturn void scheduler_start(void);
