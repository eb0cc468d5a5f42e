#include "kernel/sched/scheduler.h"

#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/flush.h"
#include "kernel/arch/x86_64/speculation.h"
#include "kernel/arch/x86_64/vector.h"
#include "kernel/ring/enter.h"
#include "kernel/sched/placement.h"
#include "kernel/sched/process.h"

/* Arms the local timer for what comes first: a deadline, a wait for CPU time that may be due, or
 * the end of the slice. A timer that is armed for an earlier time stays so: it fires once in vain
 * and is armed anew. */
void scheduler_arm(struct cpu *cpu) {
    ASSERT(cpu == cpu_current());
    spinlock_lock(&cpu->timers.lock);
    uint64_t deadline = timer_queue_deadline(&cpu->timers.queue);
    spinlock_unlock(&cpu->timers.lock);
    if (cpu->slice_end_ns < deadline && cpu->slice_end_ns != 0) {
        deadline = cpu->slice_end_ns;
    }
    deadline = cpu->time_due_ns < deadline ? cpu->time_due_ns : deadline;
    if (deadline < cpu->timer_armed_ns) {
        cpu->timer_armed_ns = deadline;
        apic_timer_arm(deadline);
    }
}

void scheduler_tick(void) {
    struct cpu *cpu = cpu_current();
    cpu->timer_armed_ns = UINT64_MAX; /* it has fired */
    atomic_fetch_add_explicit(&cpu->timer_interrupts, 1, memory_order_relaxed);
    operation_expire_due(cpu);
    if (cpu->time_due_ns != UINT64_MAX && cpu->time_due_ns <= clock_now_ns()) {
        cpu_time_expire(cpu);
    }
    if (cpu->slice_end_ns <= clock_now_ns()) {
        /* Over: scheduler_pick, to which this interrupt leads, takes the thread off. Armed for that
         * time once more, the timer would interrupt an interrupt window before its next
         * instruction, and that again, for ever. */
        cpu->slice_end_ns = 0;
    }
    scheduler_arm(cpu);
}

static uint64_t run_start_ns(const struct cpu *cpu) {
    return atomic_load_explicit(&cpu->run.since_ns, memory_order_relaxed);
}

/* Others of its band wait for the thread that began to run at this moment. */
static inline void begin_slice(struct cpu *cpu, uint64_t since_ns) {
    cpu->slice_end_ns = since_ns + TIME_SLICE_NS;
    if (cpu->slice_end_ns < cpu->timer_armed_ns) {
        scheduler_arm(cpu);
    }
}

/* A thread of this band stands in this CPU's queue: the one that runs has a slice from now on, or
 * makes way. The turn of whoever has run for long is over at once. */
static inline void share_cpu(struct cpu *cpu, uint32_t band) {
    if (cpu->thread == NULL) {
        return;
    }
    uint32_t running = ready_band(&cpu->thread->ready);
    if (band != running) {
        if (band > running) {
            cpu_need_attention();
        }
    } else if (cpu->slice_end_ns == UINT64_MAX) {
        cpu->slice_end_ns = run_start_ns(cpu) + TIME_SLICE_NS;
        if (cpu->slice_end_ns < cpu->timer_armed_ns) {
            cpu_need_attention(); /* keeps_cpu arms the timer */
        }
    }
}

/* For a thread that may not run where it did before. */
__attribute__((noinline)) static void insert_elsewhere(struct thread *thread, struct cpu *home) {
    struct placed placed;
    do {
        home = placement_move(thread, home);
        placed = run_queue_insert(&home->run_queue, thread);
    } while (placed.cpus == 0); /* that has changed again */
    /* seq_cst: as in scheduler_insert */
    atomic_thread_fence(memory_order_seq_cst);
    if (home == cpu_current()) {
        share_cpu(home, placed.band);
    }
    placement_tell(home, placed);
}

inline void scheduler_insert(struct thread *thread) {
    struct cpu *home = cpus[atomic_load_explicit(&thread->home, memory_order_relaxed)];
    /* The thread itself may be anywhere when it is queued. */
    struct placed placed = run_queue_insert(&home->run_queue, thread);
    if (placed.cpus == 0) {
        insert_elsewhere(thread, home);
        return;
    }
    /* seq_cst: pairs with the CPU that announces in idle() that it sleeps, or in find_anywhere that
     * it is going to run something else, and then looks at the queues; either it finds the thread
     * or we find it here and wake it. */
    atomic_thread_fence(memory_order_seq_cst);
    if (home == cpu_current()) {
        share_cpu(home, placed.band);
        if (!placement_concerns_others()) {
            return;
        }
    }
    placement_tell(home, placed);
}

/* From here on the CPU runs nobody. */
static inline void drop_thread(struct cpu *cpu, struct thread *thread, uint64_t now_ns) {
    if (cpu->time_due_ns != UINT64_MAX) {
        if (now_ns >= cpu->time_due_ns) {
            cpu_time_expire(cpu);
        }
        cpu->time_due_ns = UINT64_MAX;
    }
    struct cpu_run *run = &cpu->run;
    uint64_t time_ns = cpu_turn_end(&run->since_ns, now_ns);
    cpu_time_add(&thread->cpu_time_ns, time_ns);
    atomic_fetch_add_explicit(run->process_ns, time_ns, memory_order_relaxed);
    cpu_turn_ended(&run->since_ns);
    cpu->thread = NULL;
    cpu->slice_end_ns = UINT64_MAX;
}

void scheduler_drop_thread(void) {
    struct cpu *cpu = cpu_current();
    drop_thread(cpu, cpu->thread, clock_now_ns());
    /* What is left to do here makes way for nobody. */
    atomic_store_explicit(&cpu->running_band, RUNNING_UNDISTURBED, memory_order_relaxed);
}

/* The CPU lets go of the thread in its registers. */
static inline void switch_out(struct cpu *cpu, struct thread *thread, uint64_t now_ns) {
    drop_thread(cpu, thread, now_ns);
    vector_state_save(thread->vector_state);
    /* release: pairs with the acquire in switch_in of the CPU that takes it */
    atomic_store_explicit(&thread->on_cpu, false, memory_order_release);
}

/* What threads of one process may see of each other ends here. */
__attribute__((noinline)) static void enter_process(struct cpu *cpu, struct process *process) {
    space_activate(&process->space);
    cpu_run_enter(cpu, process);
    if (cpu->process_id != process->id) {
        cpu->process_id = process->id;
        speculation_process_changed();
        if (cpu_has_segments()) {
            cpu_reset_segments();
        }
    }
}

static inline void switch_in(struct cpu *cpu, struct thread *thread, uint64_t now_ns) {
    struct process *process = thread->process;
    uint32_t band = ready_band(&thread->ready);
    /* acquire: pairs with the release in switch_out; its registers are in memory. */
    while (atomic_load_explicit(&thread->on_cpu, memory_order_acquire)) {
        arch_spin_pause();
    }
    if (cpu->space != &process->space) {
        enter_process(cpu, process);
    }
    atomic_store_explicit(&thread->cpu, cpu->index, memory_order_relaxed);
    cpu_run_start(&cpu->run, thread, now_ns);
    atomic_store_explicit(&cpu->running_band, (int32_t)band, memory_order_relaxed);
    /* seq_cst: pairs with thread_post_work, placement_set_band, and waits for CPU time, which
     * change something and then look here; we set this and then look at what they change. */
    atomic_store_explicit(&thread->on_cpu, true, memory_order_seq_cst);
    thread->state = THREAD_RUNNING;
    cpu->thread = thread;
    cpu->frame_top = (uint64_t)(uintptr_t)(&thread->frame + 1);
    cpu->tss.rsp[0] = cpu->frame_top;
    vector_state_restore(thread->vector_state);
    msr_write(MSR_FS_BASE, thread->fs_base);
    cpu_set_tsc_enabled(cpu, process->has_timer); /* it may have lost it elsewhere */
    if (atomic_load_explicit(&process->time_waits, memory_order_relaxed) != 0) {
        cpu_time_begin(cpu);
    }
    if ((run_queue_bands(&cpu->run_queue) >> band & 1) != 0) {
        begin_slice(cpu, now_ns);
    }
}

void scheduler_check_time(void) {
    struct cpu *cpu = cpu_current();
    if (cpu->thread != NULL) {
        cpu_set_tsc_enabled(cpu, cpu->thread->process->has_timer);
    }
}

/* Sleeps until there is a thread, which is to run from cpu->idle_end_ns on. Interrupts come in only
 * here. */
__attribute__((noinline)) static struct thread *idle(struct cpu *cpu, uint64_t now_ns) {
    struct thread *thread;
    atomic_store_explicit(&cpu->run.idle_since_ns, now_ns, memory_order_release);
    space_activate(NULL);
    do {
        placement_begin_idle(cpu);
        thread = placement_find(cpu);
        if (thread == NULL) {
            scheduler_arm(cpu);
            cpu_idle_once();
            thread = placement_find(cpu);
        }
    } while (thread == NULL);
    placement_end_idle(cpu);
    cpu->idle_end_ns = clock_now_ns();
    cpu_time_add(&cpu->run.idle_ns, cpu_turn_end(&cpu->run.idle_since_ns, cpu->idle_end_ns));
    cpu_turn_ended(&cpu->run.idle_since_ns);
    return thread;
}

/* True when somebody wants the CPU to choose anew. */
static bool serve_notices(struct cpu *cpu) {
    uint32_t notices = atomic_exchange_explicit(&cpu->notices, 0, memory_order_seq_cst);
    if ((notices & NOTICE_CPU_TIME) != 0) {
        cpu_time_arm(cpu);
    }
    return (notices & NOTICE_LOOK) != 0;
}

/* True when the thread may go on: with others of its band waiting, until its slice is over; with
 * more urgent ones, not at all. */
static inline bool keeps_cpu(struct cpu *cpu, const struct thread *thread) {
    uint32_t band = ready_band(&thread->ready);
    uint32_t waiting = run_queue_bands(&cpu->run_queue) >> band;
    if (waiting == 0) { /* nobody, or only less urgent ones */
        cpu->slice_end_ns = UINT64_MAX;
        return true;
    }
    if (cpu->slice_end_ns == 0 || waiting > 1) {
        return false;
    }
    if (cpu->slice_end_ns == UINT64_MAX) {
        cpu->slice_end_ns = run_start_ns(cpu) + TIME_SLICE_NS;
    }
    if (cpu->slice_end_ns < cpu->timer_armed_ns) {
        scheduler_arm(cpu);
    }
    return cpu->slice_end_ns > clock_now_ns();
}

void scheduler_yield(void) {
    cpu_current()->slice_end_ns = 0;
    cpu_need_attention();
}

/* What the thread has to do before it goes back to its program. */
__attribute__((noinline)) static void do_work(struct cpu *cpu, struct thread *thread) {
    uint32_t work = atomic_load_explicit(&thread->work, memory_order_seq_cst);
    if ((work & WORK_END) != 0) {
        thread_reap(thread);
    } else if ((work & WORK_PLACE) != 0) {
        atomic_fetch_and_explicit(&thread->work, ~(uint32_t)WORK_PLACE, memory_order_relaxed);
        placement_notify(cpu, NOTICE_LOOK);
    } else if ((work & WORK_SUBMIT) != 0) {
        atomic_fetch_and_explicit(&thread->work, ~(uint32_t)WORK_SUBMIT, memory_order_relaxed);
        ring_enter_continue(thread);
    } else if ((work & WORK_UPCALL) != 0) {
        upcall_work(thread);
    }
}

/* Something comes before the thread of this CPU goes on. */
static inline bool is_called(const struct cpu *cpu, const struct thread *thread) {
    return (atomic_load_explicit(&thread->work, memory_order_seq_cst) |
            atomic_load_explicit(&cpu->notices, memory_order_relaxed)) != 0 ||
           cpu_has_flush_request(cpu);
}

/* Does that. True when the thread is to make way then; else it is to be asked anew. */
__attribute__((noinline)) static bool answer_call(struct cpu *cpu, struct thread *thread) {
    if (cpu_has_flush_request(cpu)) {
        flush_serve();
    }
    if (atomic_load_explicit(&thread->work, memory_order_seq_cst) != 0) {
        do_work(cpu, thread);
        return false;
    }
    return serve_notices(cpu);
}

/* Takes off the thread that ran here and could go on, and chooses who is next, perhaps the same. */
static inline struct thread *take_turns(struct cpu *cpu, struct thread *thread, uint64_t now_ns) {
    struct thread *next = NULL;
    thread->state = THREAD_READY;
    switch_out(cpu, thread, now_ns);
    if (placement_has_one_band()) {
        next = run_queue_take_turns(&cpu->run_queue, thread);
    }
    if (next == NULL) { /* or it may not run here any more */
        scheduler_insert(thread);
        return placement_find(cpu);
    }
    if (placement_has_idle()) {
        placement_offer_waiting(cpu, next);
    }
    return next;
}

/* The same for one that waits, or has ended: NULL then. */
static inline struct thread *choose_other(struct cpu *cpu, struct thread *thread, uint64_t now_ns) {
    if (thread != NULL) {
        switch_out(cpu, thread, now_ns);
    }
    return placement_find(cpu);
}

struct trap_frame *scheduler_pick(void) {
    struct cpu *cpu = cpu_current();
    for (;;) {
        struct thread *thread = cpu->thread;
        bool is_running = thread != NULL && thread->state == THREAD_RUNNING;
        if (is_running) {
            if (is_called(cpu, thread)) {
                if (!answer_call(cpu, thread)) {
                    continue;
                }
            } else if (keeps_cpu(cpu, thread)) {
                cpu->attention = false;
                return &thread->frame;
            }
        }
        uint64_t now_ns = clock_now_ns();
        thread = is_running ? take_turns(cpu, thread, now_ns) : choose_other(cpu, thread, now_ns);
        if (thread == NULL) {
            thread = idle(cpu, now_ns);
            now_ns = cpu->idle_end_ns;
        }
        switch_in(cpu, thread, now_ns);
        if (!is_called(cpu, thread)) {
            cpu->attention = false;
            return &thread->frame;
        }
    }
}

_Noreturn void scheduler_start(void) {
    struct cpu *cpu = cpu_current();
    cpu->slice_end_ns = UINT64_MAX;
    cpu->time_due_ns = UINT64_MAX;
    trap_resume();
}
