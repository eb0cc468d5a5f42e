#pragma once
/*
 * How long threads and processes have run, exact at any moment and read on any CPU; and waiting for
 * that.
 *
 * Rules
 * - struct cpu_run is written by its CPU alone. Others read it between two looks at the moment; the
 *   pointers in it are only compared.
 * - Who waits stands in the cpu_clock of a thread or process, ordered by the CPU time waited for.
 *   No interrupt comes unless a thread runs that somebody waits on: its CPU then knows the earliest
 *   moment at which a wait may be due (time_due_ns), and looks again then. That moment moves when
 *   another thread of the process begins to run elsewhere, which tells the others.
 * - Lock order: a cpu_clock's lock comes before ring_lock. cpu_time_expire takes it: no lock.
 */
#include <stdatomic.h>

#include "core/timer_queue.h"
#include "kernel/spinlock.h"
#include "kernel/types.h"

struct cpu;
struct thread;
struct process;
struct operation;

/* The turns of a process are added up in so many places, so that CPUs seldom share one and who
 * reads seldom has to read again. */
#define CPU_TIME_SLOTS 8u

/* What a CPU does, and since when. A moment tells one turn from the next: who finds the same before
 * and after has seen nothing change in between. */
#define CPU_SINCE_NONE UINT64_C(0)
#define CPU_SINCE_CHANGING UINT64_C(1)
struct cpu_run {
    _Atomic uint64_t since_ns; /* when the thread began to run here */
    _Atomic(const struct thread *) thread;
    _Atomic(const struct process *) process; /* that ran here last */
    _Atomic uint64_t *process_ns;            /* its counter for the turns on this CPU */
    _Atomic uint64_t idle_since_ns;
    _Atomic uint64_t idle_ns; /* for how long it had nobody to run, before that */
};

/* A turn is over: how long it took, which is to be added to counters now. */
static inline uint64_t cpu_turn_end(_Atomic uint64_t *since, uint64_t now_ns) {
    uint64_t time_ns = now_ns - atomic_load_explicit(since, memory_order_relaxed);
    atomic_store_explicit(since, CPU_SINCE_CHANGING, memory_order_relaxed);
    /* release: pairs with the acquire in is_unchanged; who sees a counter changed sees this. */
    atomic_thread_fence(memory_order_release);
    return time_ns;
}
static inline void cpu_turn_ended(_Atomic uint64_t *since) {
    /* release: pairs with the acquire in begin_look */
    atomic_store_explicit(since, CPU_SINCE_NONE, memory_order_release);
}

/* Adds to a counter that nobody else writes now. */
static inline void cpu_time_add(_Atomic uint64_t *counter_ns, uint64_t time_ns) {
    uint64_t sum_ns = atomic_load_explicit(counter_ns, memory_order_relaxed) + time_ns;
    atomic_store_explicit(counter_ns, sum_ns, memory_order_relaxed);
}

/* A thread begins to run, of the process that cpu_run_enter named last. */
static inline void cpu_run_start(struct cpu_run *run, const struct thread *thread,
                                 uint64_t now_ns) {
    /* release: pairs with the acquire in is_unchanged; who sees this sees that the turn before is
     * over. The moment: pairs with begin_look. */
    atomic_store_explicit(&run->thread, thread, memory_order_release);
    atomic_store_explicit(&run->since_ns, now_ns, memory_order_release);
}

/* Threads of this process run here from now on. */
void cpu_run_enter(struct cpu *cpu, struct process *process);

struct cpu_clock {
    struct spinlock lock; /* guards the rest */
    struct timer_queue waits;
    _Atomic uint64_t next_ns; /* the least CPU time that is waited for; read without the lock */
    bool closed;              /* the thread has ended */
};

void cpu_clock_init(struct cpu_clock *clock);

uint64_t cpu_time_of_thread(const struct thread *thread);
uint64_t cpu_time_of_process(const struct process *process);
/* For how long CPUs have had nobody to run, all together. */
uint64_t cpu_time_idle(void);

/*
 * Waits until the thread, or the process of the operation's thread, has run for that long: arms the
 * operation, whose unlink and reference are set here. ok without arming it when that is so already;
 * disconnected when the thread has ended before.
 */
enum cpu_time_wait { CPU_TIME_ARMED, CPU_TIME_REACHED, CPU_TIME_ENDED };
enum cpu_time_wait cpu_time_wait_thread(struct thread *thread, struct operation *operation,
                                        uint64_t time_ns);
enum cpu_time_wait cpu_time_wait_process(struct operation *operation, uint64_t time_ns);

/* The least CPU time that is waited for; UINT64_MAX: none. */
static inline uint64_t cpu_clock_next(const struct cpu_clock *clock) {
    return atomic_load_explicit(&clock->next_ns, memory_order_relaxed);
}

/* A thread has begun to run here, of a process that somebody waits on, or on a thread of it. */
void cpu_time_begin(struct cpu *cpu);
/* Computes anew when a wait on the thread that runs here may be due. */
void cpu_time_arm(struct cpu *cpu);
/* Completes what is due of the thread that runs here. */
void cpu_time_expire(struct cpu *cpu);

/* A thread has ended: nobody waits on it any more. */
void cpu_time_close(struct thread *thread);
