#include "kernel/sched/cpu_time.h"

#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/sched/placement.h"
#include "kernel/sched/process.h"
#include "kernel/sched/scheduler.h"

/* The moment at which a turn began, or CPU_SINCE_NONE. */
static uint64_t begin_look(const _Atomic uint64_t *since) {
    uint64_t since_ns;
    while ((since_ns = atomic_load_explicit(since, memory_order_acquire)) == CPU_SINCE_CHANGING) {
        arch_spin_pause();
    }
    return since_ns;
}

static bool is_unchanged(const _Atomic uint64_t *since, uint64_t since_ns) {
    /* acquire: pairs with the fence in cpu_turn_end */
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(since, memory_order_relaxed) == since_ns;
}

/* How much of a turn has passed. Time-stamp counters of two CPUs may be a little apart. */
static uint64_t elapsed(uint64_t since_ns) {
    uint64_t now_ns = clock_now_ns();
    return now_ns > since_ns ? now_ns - since_ns : 0;
}

static bool runs(const struct cpu_run *run, const void *runner) {
    return atomic_load_explicit(&run->thread, memory_order_relaxed) == runner ||
           atomic_load_explicit(&run->process, memory_order_relaxed) == runner;
}

uint64_t cpu_time_of_thread(const struct thread *thread) {
    for (;;) {
        uint32_t index = atomic_load_explicit(&thread->cpu, memory_order_acquire);
        const struct cpu_run *run = &cpus[index]->run;
        uint64_t since_ns = begin_look(&run->since_ns);
        uint64_t time_ns = atomic_load_explicit(&thread->cpu_time_ns, memory_order_relaxed);
        if (since_ns != CPU_SINCE_NONE && runs(run, thread)) {
            time_ns += elapsed(since_ns);
        }
        if (is_unchanged(&run->since_ns, since_ns) &&
            atomic_load_explicit(&thread->cpu, memory_order_relaxed) == index) {
            return time_ns;
        }
    }
}

/* One slot with the turns that the CPUs which write it are in. False when one of these ended. */
static bool read_slot(const struct process *process, uint32_t slot, uint64_t *time_ns) {
    uint64_t since_ns[CPUS_MAX];
    bool is_whole = true;
    for (uint32_t i = slot; i < cpu_count(); i += CPU_TIME_SLOTS) {
        since_ns[i] = begin_look(&cpus[i]->run.since_ns);
    }
    *time_ns = atomic_load_explicit(&process->cpu_time_ns[slot], memory_order_relaxed);
    for (uint32_t i = slot; i < cpu_count(); i += CPU_TIME_SLOTS) {
        if (since_ns[i] != CPU_SINCE_NONE && runs(&cpus[i]->run, process)) {
            *time_ns += elapsed(since_ns[i]);
        }
    }
    for (uint32_t i = slot; i < cpu_count(); i += CPU_TIME_SLOTS) {
        is_whole = is_whole && is_unchanged(&cpus[i]->run.since_ns, since_ns[i]);
    }
    return is_whole;
}

uint64_t cpu_time_of_process(const struct process *process) {
    uint64_t sum_ns = 0;
    for (uint32_t slot = 0; slot < CPU_TIME_SLOTS; slot++) {
        uint64_t time_ns;
        while (!read_slot(process, slot, &time_ns)) {
            arch_spin_pause();
        }
        sum_ns += time_ns;
    }
    return sum_ns;
}

uint64_t cpu_time_idle(void) {
    uint64_t sum_ns = 0;
    for (uint32_t i = 0; i < cpu_count(); i++) {
        const struct cpu_run *run = &cpus[i]->run;
        uint64_t since_ns, time_ns;
        do {
            since_ns = begin_look(&run->idle_since_ns);
            time_ns = atomic_load_explicit(&run->idle_ns, memory_order_relaxed);
        } while (!is_unchanged(&run->idle_since_ns, since_ns));
        sum_ns += time_ns + (since_ns != CPU_SINCE_NONE ? elapsed(since_ns) : 0);
    }
    return sum_ns;
}

/* ---- waiting --------------------------------------------------------------------------------- */

void cpu_clock_init(struct cpu_clock *clock) {
    spinlock_init(&clock->lock);
    timer_queue_init(&clock->waits);
    atomic_init(&clock->next_ns, UINT64_MAX);
}

/* Under the lock. */
static void update_next(struct cpu_clock *clock) {
    /* seq_cst: with time_waits, pairs with switch_in, which says what runs and then looks at these;
     * we set them and then look at what runs (tell_runners). */
    atomic_store_explicit(&clock->next_ns, timer_queue_deadline(&clock->waits),
                          memory_order_seq_cst);
}

static bool is_running(const struct cpu_run *run, const void *runner) {
    return atomic_load_explicit(&run->since_ns, memory_order_seq_cst) != CPU_SINCE_NONE &&
           runs(run, runner);
}

void cpu_run_enter(struct cpu *cpu, struct process *process) {
    cpu->run.process_ns = &process->cpu_time_ns[cpu->index % CPU_TIME_SLOTS];
    /* release: as for the thread in cpu_run_start */
    atomic_store_explicit(&cpu->run.process, process, memory_order_release);
}

/* Every CPU that runs this thread, or a thread of this process, has to compute anew. */
static void tell_runners(const void *runner, const struct cpu *except) {
    for (uint32_t i = 0; i < cpu_count(); i++) {
        if (cpus[i] != except && is_running(&cpus[i]->run, runner)) {
            placement_notify(cpus[i], NOTICE_CPU_TIME);
        }
    }
}

/* A wait on the clock of this process, or of a thread of it, is over. */
static void end_wait(struct process *process) {
    atomic_fetch_sub_explicit(&process->time_waits, 1, memory_order_relaxed);
}

static void unlink_wait(struct process *process, struct cpu_clock *clock,
                        struct operation *operation) {
    spinlock_lock(&clock->lock);
    timer_queue_remove(&clock->waits, &operation->cpu_wait);
    update_next(clock);
    end_wait(process);
    spinlock_unlock(&clock->lock);
}

static void unlink_thread_wait(struct operation *operation) {
    struct thread *thread = container_of(operation->object, struct thread, object);
    unlink_wait(thread->process, &thread->clock, operation);
}

static void unlink_process_wait(struct operation *operation) {
    struct process *process = operation->thread->process;
    unlink_wait(process, &process->clock, operation);
}

/* Under the clock's lock. */
static void arm_wait(struct process *process, struct cpu_clock *clock, struct operation *operation,
                     uint64_t time_ns) {
    timer_node_init(&operation->cpu_wait);
    timer_queue_insert(&clock->waits, &operation->cpu_wait, time_ns);
    atomic_fetch_add_explicit(&process->time_waits, 1, memory_order_relaxed);
    update_next(clock);
    operation_arm(operation);
}

enum cpu_time_wait cpu_time_wait_thread(struct thread *thread, struct operation *operation,
                                        uint64_t time_ns) {
    struct cpu_clock *clock = &thread->clock;
    enum cpu_time_wait result = CPU_TIME_ARMED;
    spinlock_lock(&clock->lock);
    if (cpu_time_of_thread(thread) >= time_ns) {
        result = CPU_TIME_REACHED;
    } else if (clock->closed) {
        result = CPU_TIME_ENDED;
    } else {
        operation->object = object_ref(&thread->object);
        operation->unlink = unlink_thread_wait;
        arm_wait(thread->process, clock, operation, time_ns);
    }
    spinlock_unlock(&clock->lock);
    if (result == CPU_TIME_ARMED) {
        tell_runners(thread, NULL);
    }
    return result;
}

enum cpu_time_wait cpu_time_wait_process(struct operation *operation, uint64_t time_ns) {
    struct process *process = operation->thread->process;
    struct cpu_clock *clock = &process->clock;
    enum cpu_time_wait result = CPU_TIME_ARMED;
    spinlock_lock(&clock->lock);
    if (cpu_time_of_process(process) >= time_ns) {
        result = CPU_TIME_REACHED;
    } else {
        operation->unlink = unlink_process_wait;
        arm_wait(process, clock, operation, time_ns);
    }
    spinlock_unlock(&clock->lock);
    if (result == CPU_TIME_ARMED) {
        tell_runners(process, NULL);
    }
    return result;
}

/* When so much more will have been run by so many CPUs. */
static uint64_t moment_of(uint64_t next_ns, uint64_t time_ns, uint64_t runners) {
    uint64_t left_ns = next_ns > time_ns ? next_ns - time_ns : 0;
    uint64_t share_ns = left_ns / runners + (left_ns % runners != 0);
    uint64_t now_ns = clock_now_ns();
    return share_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + share_ns;
}

static uint64_t count_runners(const struct process *process) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < cpu_count(); i++) {
        count += is_running(&cpus[i]->run, process);
    }
    return count;
}

void cpu_time_arm(struct cpu *cpu) {
    const struct thread *thread = cpu->thread;
    const struct process *process = thread->process;
    uint64_t due_ns = UINT64_MAX, next_ns = cpu_clock_next(&thread->clock);
    if (next_ns != UINT64_MAX) {
        due_ns = moment_of(next_ns, cpu_time_of_thread(thread), 1);
    }
    next_ns = cpu_clock_next(&process->clock);
    if (next_ns != UINT64_MAX) {
        uint64_t runners = count_runners(process);
        uint64_t moment_ns = moment_of(next_ns, cpu_time_of_process(process), runners);
        due_ns = moment_ns < due_ns ? moment_ns : due_ns;
    }
    cpu->time_due_ns = due_ns;
    scheduler_arm(cpu);
}

void cpu_time_begin(struct cpu *cpu) {
    const struct process *process = cpu->thread->process;
    cpu_time_arm(cpu);
    if (cpu_clock_next(&process->clock) != UINT64_MAX) {
        tell_runners(process, cpu); /* together they are there earlier */
    }
}

/* Completes what is due. */
static void expire_waits(struct process *process, struct cpu_clock *clock, uint64_t time_ns,
                         status_t status) {
    struct operation_list due;
    struct timer_node *node;
    operation_list_init(&due);
    spinlock_lock(&clock->lock);
    while ((node = timer_queue_pop(&clock->waits, time_ns)) != NULL) {
        struct operation *operation = container_of(node, struct operation, cpu_wait);
        if (operation_claim(operation)) {
            end_wait(process);
            operation->unlink = NULL;
            operation_list_append(&due, operation);
        }
    }
    update_next(clock);
    spinlock_unlock(&clock->lock);
    operation_list_complete(&due, status);
}

void cpu_time_expire(struct cpu *cpu) {
    struct thread *thread = cpu->thread;
    struct process *process = thread->process;
    expire_waits(process, &thread->clock, cpu_time_of_thread(thread), CAPOS_OK);
    expire_waits(process, &process->clock, cpu_time_of_process(process), CAPOS_OK);
    cpu_time_arm(cpu);
}

void cpu_time_close(struct thread *thread) {
    struct cpu_clock *clock = &thread->clock;
    spinlock_lock(&clock->lock);
    clock->closed = true;
    spinlock_unlock(&clock->lock);
    expire_waits(thread->process, clock, UINT64_MAX, CAPOS_E_DISCONNECTED);
}
