#include "kernel/sched/scheduler.h"

#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/flush.h"
#include "kernel/arch/x86_64/speculation.h"
#include "kernel/arch/x86_64/vector.h"
#include "kernel/ring/enter.h"
#include "kernel/sched/process.h"

/* CPUs in the idle loop: whoever makes a thread ready wakes one of them. */
static _Atomic uint64_t idle_cpus[SPACE_CPU_WORDS];
_Static_assert(CPUS_MAX == 64, "idle_cpus is one word");

/* Arms the local timer for what comes first: a deadline, or the end of the slice. A timer that is
 * armed for an earlier time stays so: it fires once in vain and is armed anew. */
void scheduler_arm(struct cpu *cpu) {
    ASSERT(cpu == cpu_current());
    spinlock_lock(&cpu->timers.lock);
    uint64_t deadline = timer_queue_deadline(&cpu->timers.queue);
    spinlock_unlock(&cpu->timers.lock);
    if (cpu->slice_end_ns < deadline && cpu->slice_end_ns != 0) {
        deadline = cpu->slice_end_ns;
    }
    if (deadline < cpu->timer_armed_ns) {
        cpu->timer_armed_ns = deadline;
        apic_timer_arm(deadline);
    }
}

void scheduler_tick(void) {
    struct cpu *cpu = cpu_current();
    cpu->timer_armed_ns = UINT64_MAX; /* it has fired */
    operation_expire_due(cpu);
    if (cpu->slice_end_ns <= clock_now_ns()) {
        /* Over: scheduler_pick, to which this interrupt leads, takes the thread off. Armed for that
         * time once more, the timer would interrupt an interrupt window before its next
         * instruction, and that again, for ever. */
        cpu->slice_end_ns = 0;
    }
    scheduler_arm(cpu);
}

/* A thread stands in this CPU's queue: the one that runs has a slice from now on, or makes way. The
 * turn of whoever has run for long is over at once. */
static void share_cpu(struct cpu *cpu, const struct thread *thread) {
    const struct thread *running = cpu->thread;
    if (running == NULL || cpu->slice_end_ns != UINT64_MAX) {
        return;
    }
    if (thread->band >= running->band) {
        cpu->slice_end_ns = thread->band > running->band ? 0 : cpu->run_start_ns + TIME_SLICE_NS;
    }
    if (cpu->slice_end_ns < cpu->timer_armed_ns) {
        cpu_need_attention(); /* keeps_cpu arms the timer */
    }
}

inline void scheduler_insert(struct thread *thread) {
    struct cpu *self = cpu_current();
    struct cpu *owner = cpus[thread->cpu]; /* its state may still be in that one's caches */
    run_queue_insert(&owner->run_queue, thread);
    /* seq_cst: pairs with the CPU that announces in idle() that it sleeps and then looks at the
     * queues; either it finds the thread or we find it here and wake it. */
    atomic_thread_fence(memory_order_seq_cst);
    uint64_t idle = atomic_load_explicit(&idle_cpus[0], memory_order_relaxed);
    if (owner == self) {
        share_cpu(self, thread);
    } else {
        apic_send(owner->apic_id, VECTOR_RESCHEDULE); /* it wakes, or starts a slice */
    }
    if (idle != 0 && (idle >> owner->index & 1) == 0) {
        struct cpu *thief = cpus[(uint32_t)__builtin_ctzll(idle)];
        if (thief != self) {
            apic_send(thief->apic_id, VECTOR_RESCHEDULE);
        }
    }
}

uint64_t scheduler_cpu_time(const struct thread *thread) {
    struct cpu *cpu = cpu_current();
    uint64_t running = cpu->thread == thread ? clock_now_ns() - cpu->run_start_ns : 0;
    return thread->cpu_time_ns + running;
}

uint64_t scheduler_process_time(const struct process *process) {
    return atomic_load_explicit(&process->cpu_time_ns, memory_order_relaxed) +
           (clock_now_ns() - cpu_current()->run_start_ns);
}

/* The CPU lets go of the thread in its registers. */
static void switch_out(struct cpu *cpu, uint64_t now_ns) {
    struct thread *thread = cpu->thread;
    uint64_t time_ns = now_ns - cpu->run_start_ns;
    thread->cpu_time_ns += time_ns;
    atomic_fetch_add_explicit(&thread->process->cpu_time_ns, time_ns, memory_order_relaxed);
    vector_state_save(thread->vector_state);
    cpu->thread = NULL;
    cpu->slice_end_ns = UINT64_MAX;
    /* release: pairs with the acquire in switch_in of the CPU that takes it */
    atomic_store_explicit(&thread->on_cpu, false, memory_order_release);
}

/* What threads of one process may see of each other ends here. */
static void enter_process(struct cpu *cpu, const struct process *process) {
    cpu->process_id = process->id;
    speculation_process_changed();
    if (cpu_has_segments()) {
        cpu_reset_segments();
    }
}

static void switch_in(struct cpu *cpu, struct thread *thread, uint64_t now_ns) {
    struct process *process = thread->process;
    /* acquire: pairs with the release in switch_out; its registers are in memory. */
    while (atomic_load_explicit(&thread->on_cpu, memory_order_acquire)) {
        arch_spin_pause();
    }
    thread->cpu = cpu->index;
    /* seq_cst: pairs with thread_post_work, which sets a bit and then looks here; we set this and
     * then look at the bits. */
    atomic_store_explicit(&thread->on_cpu, true, memory_order_seq_cst);
    thread->state = THREAD_RUNNING;
    cpu->thread = thread;
    cpu->frame_top = (uint64_t)(uintptr_t)(&thread->frame + 1);
    cpu->tss.rsp[0] = cpu->frame_top;
    cpu->run_start_ns = now_ns;
    if (cpu->space != &process->space) {
        space_activate(&process->space);
    }
    if (cpu->process_id != process->id) {
        enter_process(cpu, process);
    }
    vector_state_restore(thread->vector_state);
    msr_write(MSR_FS_BASE, thread->fs_base);
    cpu_set_tsc_disabled(cpu, !process->has_timer); /* it may have lost it elsewhere */
}

void scheduler_check_time(void) {
    struct cpu *cpu = cpu_current();
    if (cpu->thread != NULL) {
        cpu_set_tsc_disabled(cpu, !cpu->thread->process->has_timer);
    }
}

static struct thread *steal(struct cpu *self) {
    for (uint32_t i = 1; i < cpu_count(); i++) {
        struct cpu *victim = cpus[(self->index + i) % cpu_count()];
        struct thread *thread = run_queue_take(&victim->run_queue);
        if (thread != NULL) {
            return thread;
        }
    }
    return NULL;
}

static struct thread *find_thread(struct cpu *cpu) {
    struct thread *thread = run_queue_take(&cpu->run_queue);
    return thread != NULL ? thread : steal(cpu);
}

/* Sleeps until there is a thread. Interrupts come in only here. */
static struct thread *idle(struct cpu *cpu) {
    uint64_t bit = UINT64_C(1) << cpu->index;
    space_activate(NULL);
    for (;;) {
        /* seq_cst: pairs with the fence in scheduler_insert. */
        atomic_fetch_or_explicit(&idle_cpus[0], bit, memory_order_seq_cst);
        struct thread *thread = find_thread(cpu);
        if (thread != NULL) {
            atomic_fetch_and_explicit(&idle_cpus[0], ~bit, memory_order_seq_cst);
            return thread;
        }
        scheduler_arm(cpu);
        cpu_idle_once();
        atomic_fetch_and_explicit(&idle_cpus[0], ~bit, memory_order_seq_cst);
    }
}

/* True when the thread may go on: with others of its band waiting, until its slice is over; with
 * more urgent ones, not at all. */
static bool keeps_cpu(struct cpu *cpu, const struct thread *thread) {
    if (thread->state != THREAD_RUNNING) {
        return false;
    }
    uint32_t waiting = atomic_load_explicit(&cpu->run_queue.bitmap, memory_order_relaxed);
    if (waiting >> thread->band == 0) { /* nobody, or only less urgent ones */
        cpu->slice_end_ns = UINT64_MAX;
        return true;
    }
    if ((uint64_t)waiting >> (thread->band + 1) != 0 || cpu->slice_end_ns == 0) {
        return false;
    }
    if (cpu->slice_end_ns == UINT64_MAX) {
        cpu->slice_end_ns = cpu->run_start_ns + TIME_SLICE_NS;
    } else if (clock_now_ns() >= cpu->slice_end_ns) {
        return false;
    }
    if (cpu->slice_end_ns < cpu->timer_armed_ns) {
        scheduler_arm(cpu);
    }
    return true;
}

void scheduler_yield(void) {
    cpu_current()->slice_end_ns = 0;
    cpu_need_attention();
}

/* What the thread has to do before it goes back to its program. */
static void do_work(struct thread *thread) {
    uint32_t work = atomic_load_explicit(&thread->work, memory_order_seq_cst);
    if ((work & WORK_END) != 0) {
        thread_reap(thread);
    } else if ((work & WORK_SUBMIT) != 0) {
        atomic_fetch_and_explicit(&thread->work, ~(uint32_t)WORK_SUBMIT, memory_order_relaxed);
        ring_enter_continue(thread);
    } else if ((work & WORK_UPCALL) != 0) {
        upcall_work(thread);
    }
}

struct trap_frame *scheduler_pick(void) {
    struct cpu *cpu = cpu_current();
    for (;;) {
        if (cpu_has_flush_request(cpu)) {
            flush_serve();
        }
        struct thread *thread = cpu->thread;
        uint64_t now_ns = 0; /* not read yet */
        if (thread != NULL && atomic_load_explicit(&thread->work, memory_order_seq_cst) != 0 &&
            thread->state == THREAD_RUNNING) {
            do_work(thread);
            continue;
        }
        if (thread != NULL && keeps_cpu(cpu, thread)) {
            cpu->attention = false;
            return &thread->frame;
        }
        if (thread != NULL) {
            bool is_ready = thread->state == THREAD_RUNNING;
            if (is_ready) {
                thread->state = THREAD_READY;
            }
            now_ns = clock_now_ns();
            switch_out(cpu, now_ns);
            if (is_ready) {
                run_queue_insert(&cpu->run_queue, thread);
            }
        }
        thread = find_thread(cpu);
        if (thread == NULL) {
            thread = idle(cpu);
            now_ns = 0;
        }
        switch_in(cpu, thread, now_ns != 0 ? now_ns : clock_now_ns());
    }
}

_Noreturn void scheduler_start(void) {
    struct cpu *cpu = cpu_current();
    cpu->slice_end_ns = UINT64_MAX;
    trap_resume();
}
