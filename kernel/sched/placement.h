#pragma once
/*
 * Which CPU runs what. A thread that becomes ready goes to the queue of the CPU where it ran last,
 * or of one where it may run, and somebody who ought to run it is told: that CPU, another one that
 * idles, or the one that runs the least urgent thread. A CPU that chooses looks at the queues of
 * the others as well.
 *
 * Rules
 * - No movable thread waits while a CPU where it may run idles, or runs a less urgent one for
 *   longer than an interrupt takes. Of threads in one band, none waits for ever because the CPU
 *   whose queue it is in runs more urgent ones.
 * - Who puts a thread into a queue does so, passes a fence, and then looks at what CPUs run. A CPU
 *   that is to run something else first says so (running_band, idle), passes a fence, and then
 *   looks into the queues. So one of both sees the other. As long as all threads are in one band, a
 *   CPU that has a thread in its own queue does without.
 * - No lock but run queues' is taken.
 */
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/sched/run_queue.h"
#include "kernel/types.h"

struct thread;

/* What others want of a CPU, besides what they put into its queue. */
enum {
    NOTICE_LOOK = 1 << 0,     /* look for something more urgent in the queues of others */
    NOTICE_CPU_TIME = 1 << 1, /* somebody waits on the CPU time of what runs here */
};

/* Sets notices of a CPU and sees to it that its scheduler looks at them. */
void placement_notify(struct cpu *cpu, uint32_t notices);

/* Gives a thread that may not run where its home was, and is in no queue, another home. */
struct cpu *placement_move(struct thread *thread, struct cpu *home);

/* CPUs that have nobody to run and that nobody has woken yet; and 1 as soon as some thread was more
 * urgent than another. Read by the functions below. */
extern _Atomic uint64_t placement_idle_cpus;
extern _Atomic uint64_t placement_is_mixed;

/* True when nobody is more urgent than another. */
static inline bool placement_has_one_band(void) {
    return atomic_load_explicit(&placement_is_mixed, memory_order_relaxed) == 0;
}

/* True when some CPU has nobody to run. */
static inline bool placement_has_idle(void) {
    return atomic_load_explicit(&placement_idle_cpus, memory_order_relaxed) != 0;
}

/* True when a thread in the queue of a CPU that runs another may be of interest to a third. */
static inline bool placement_concerns_others(void) {
    return (atomic_load_explicit(&placement_idle_cpus, memory_order_relaxed) |
            atomic_load_explicit(&placement_is_mixed, memory_order_relaxed)) != 0;
}

/* A thread was put into the queue of home: somebody who ought to run it will look. If home is this
 * CPU and not idle, it is about to look anyway. */
void placement_tell(struct cpu *home, struct placed placed);

/* This CPU is going to run this thread, and leaves others in its queue: is there somebody to run
 * them? */
void placement_offer_waiting(struct cpu *cpu, const struct thread *next);

/* The thread that this CPU, which runs none, should run: its own most urgent, or one from the queue
 * of another. NULL when there is none. */
struct thread *placement_find(struct cpu *cpu);

/* The CPU has nobody to run, and is about to look for somebody for the last time; or has one. */
void placement_begin_idle(struct cpu *cpu);
void placement_end_idle(struct cpu *cpu);

/* Under its ring_lock: a thread is in another band from now on, or may run on these CPUs. Its place
 * is changed at once, wherever it is. */
void placement_set_band(struct thread *thread, uint32_t band);
void placement_set_cpus(struct thread *thread, uint64_t cpus);
/* Both, for a thread that has not run yet. */
void placement_init(struct thread *thread, uint32_t band, uint64_t cpus);
