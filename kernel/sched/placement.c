#include "kernel/sched/placement.h"

#include "capos/abi.h"
#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/sched/scheduler.h"

_Atomic uint64_t placement_idle_cpus;
_Static_assert(CPUS_MAX == 64, "one word");
_Atomic uint64_t placement_is_mixed;
_Static_assert(CAPOS_PRIORITY_COUNT == READY_BANDS, "a priority is a band");

static uint64_t bit_of(const struct cpu *cpu) {
    return UINT64_C(1) << cpu->index;
}

static int32_t running_band(const struct cpu *cpu) {
    return atomic_load_explicit(&cpu->running_band, memory_order_seq_cst);
}

static void send(const struct cpu *cpu) {
    if (cpu != cpu_current()) {
        apic_send(cpu->apic_id, VECTOR_RESCHEDULE);
    }
}

void placement_notify(struct cpu *cpu, uint32_t notices) {
    atomic_fetch_or_explicit(&cpu->notices, notices, memory_order_seq_cst);
    cpu == cpu_current() ? cpu_need_attention() : send(cpu);
}

struct cpu *placement_move(struct thread *thread, struct cpu *home) {
    uint64_t allowed = ready_cpus(&thread->ready);
    struct cpu *chosen = NULL;
    for (uint32_t i = 0; i < cpu_count(); i++) {
        if ((allowed >> i & 1) != 0 &&
            (chosen == NULL || running_band(cpus[i]) < running_band(chosen))) {
            chosen = cpus[i];
        }
    }
    run_queue_hand_over(&home->run_queue, thread, chosen->index);
    return chosen;
}

/* True for one caller, who wakes it. */
static bool claim_idle(const struct cpu *cpu) {
    return (atomic_fetch_and_explicit(&placement_idle_cpus, ~bit_of(cpu), memory_order_seq_cst) &
            bit_of(cpu)) != 0;
}

/* Wakes a CPU where it may run; false when none idles. */
static bool wake_other(struct placed placed) {
    uint64_t idle;
    while ((idle = atomic_load_explicit(&placement_idle_cpus, memory_order_relaxed) &
                   placed.cpus) != 0) {
        const struct cpu *cpu = cpus[(uint32_t)__builtin_ctzll(idle)];
        if (claim_idle(cpu)) {
            send(cpu);
            return true;
        }
    }
    return false;
}

/* No CPU idles where it may run: the one that runs the least urgent thread has to look, if that is
 * less urgent, or if as urgent and home runs a more urgent one. */
static void displace(const struct cpu *home, struct placed placed) {
    int32_t wanted = (int32_t)placed.band;
    if (placement_has_one_band() || running_band(home) < wanted) {
        return; /* nobody is less urgent, or home is about to run it */
    }
    struct cpu *lowest = NULL;
    int32_t lowest_band = INT32_MAX;
    for (uint32_t i = 0; i < cpu_count(); i++) {
        int32_t band = running_band(cpus[i]);
        if ((placed.cpus >> i & 1) != 0 && cpus[i] != home && band < lowest_band) {
            lowest = cpus[i];
            lowest_band = band;
        }
    }
    bool is_stranded = running_band(home) > wanted;
    if (lowest != NULL && (lowest_band < wanted || (lowest_band == wanted && is_stranded))) {
        placement_notify(lowest, NOTICE_LOOK);
    }
}

void placement_tell(struct cpu *home, struct placed placed) {
    uint64_t idle = atomic_load_explicit(&placement_idle_cpus, memory_order_relaxed);
    if ((idle & bit_of(home)) != 0 && claim_idle(home)) {
        send(home);
        return;
    }
    if (running_band(home) <= (int32_t)placed.band) {
        send(home); /* it starts a slice, or makes way */
    }
    if (!wake_other(placed)) {
        displace(home, placed);
    }
}

void placement_offer_waiting(struct cpu *cpu, const struct thread *next) {
    uint32_t band = ready_band(&next->ready), movable = run_queue_movable(&cpu->run_queue);
    /* seq_cst: pairs with find_anywhere. A CPU that looks for a thread sees that ours are stuck, or
     * we see that it looks. */
    atomic_store_explicit(&cpu->running_band, (int32_t)band, memory_order_seq_cst);
    if (!placement_has_idle()) {
        /* Those as urgent have their turn here; only who is stuck behind a more urgent one counts.
         */
        movable &= (1u << band) - 1;
    }
    if (movable == 0) {
        return;
    }
    struct placed placed =
        run_queue_find_movable(&cpu->run_queue, ~bit_of(cpu), ready_top_band(movable));
    if (placed.cpus != 0 && !wake_other(placed)) {
        displace(cpu, placed);
    }
}

/* The least band of a movable thread of another CPU that comes before our own, who are in these
 * bands: more urgent, or as urgent and stuck behind a more urgent one there. */
static uint32_t least_worth_stealing(const struct cpu *victim, uint32_t own) {
    if (own == 0) {
        return 0;
    }
    uint32_t ours = ready_top_band(own);
    return running_band(victim) > (int32_t)ours ? ours : ours + 1;
}

static struct thread *steal(struct cpu *self, uint32_t own) {
    for (uint64_t tried = bit_of(self);;) {
        struct cpu *best = NULL;
        uint32_t best_band = 0;
        for (uint32_t i = 1; i < cpu_count(); i++) {
            struct cpu *victim = cpus[(self->index + i) % cpu_count()];
            uint32_t movable = run_queue_movable(&victim->run_queue);
            if ((tried & bit_of(victim)) == 0 && movable != 0 &&
                ready_top_band(movable) >= least_worth_stealing(victim, own) &&
                (best == NULL || ready_top_band(movable) > best_band)) {
                best = victim;
                best_band = ready_top_band(movable);
            }
        }
        if (best == NULL) {
            return NULL;
        }
        uint32_t least = least_worth_stealing(best, own);
        struct thread *thread = NULL;
        if (least < READY_BANDS) {
            thread = run_queue_steal(&best->run_queue, self->index, least);
        }
        if (thread != NULL) {
            return thread;
        }
        tried |= bit_of(best); /* somebody else was first, or none of them may run here */
    }
}

/* The long way of placement_find: a choice between our queue and the others'. */
__attribute__((noinline)) static struct thread *find_anywhere(struct cpu *cpu) {
    atomic_store_explicit(&cpu->running_band, RUNNING_NOBODY, memory_order_relaxed);
    /* seq_cst: pairs with the fence in scheduler_insert, and with placement_notify. We have said
     * that we run nobody, and look at the queues now; who sets a notice later has put the thread
     * where we look. */
    atomic_exchange_explicit(&cpu->notices, 0, memory_order_seq_cst);
    for (;;) {
        uint32_t own = run_queue_bands(&cpu->run_queue);
        struct thread *thread = steal(cpu, own);
        if (thread == NULL && own != 0) {
            thread = run_queue_take(&cpu->run_queue);
        }
        if (thread != NULL && !placement_has_one_band()) {
            placement_offer_waiting(cpu, thread);
        }
        if (thread != NULL || own == 0) { /* else somebody stole what we had */
            return thread;
        }
    }
}

inline struct thread *placement_find(struct cpu *cpu) {
    /* Among equals nobody looks at what we run, and our own come first. */
    if (placement_has_one_band()) {
        struct thread *thread = run_queue_take(&cpu->run_queue);
        if (thread != NULL) {
            return thread;
        }
    }
    return find_anywhere(cpu);
}

void placement_begin_idle(struct cpu *cpu) {
    /* seq_cst: pairs with the fence in scheduler_insert. */
    atomic_fetch_or_explicit(&placement_idle_cpus, bit_of(cpu), memory_order_seq_cst);
}

void placement_end_idle(struct cpu *cpu) {
    if ((atomic_load_explicit(&placement_idle_cpus, memory_order_relaxed) & bit_of(cpu)) != 0) {
        atomic_fetch_and_explicit(&placement_idle_cpus, ~bit_of(cpu), memory_order_seq_cst);
    }
}

/* Before a thread is in a band. All are in the default one until they are in another. */
static void note_band(uint32_t band) {
    if (band != CAPOS_PRIORITY_DEFAULT) {
        atomic_store_explicit(&placement_is_mixed, 1, memory_order_seq_cst);
    }
}

void placement_init(struct thread *thread, uint32_t band, uint64_t allowed) {
    note_band(band);
    atomic_store_explicit(&thread->ready.band, band, memory_order_relaxed);
    atomic_store_explicit(&thread->ready.cpus, allowed, memory_order_relaxed);
}

/*
 * Who inserts the thread after we held the lock of its home's queue sees what is new. If it was in
 * that queue, we insert it anew. Else it runs or is going to: we say that its place is changed, and
 * then look whether a CPU has it; a CPU that takes it says so, and then looks at what we say
 * (switch_in). If it waits, it finds the bit later, and takes a turn in vain.
 */
static void change(struct thread *thread, struct placed placed) {
    struct run_queue *queue;
    bool was_queued;
    do {
        queue = &cpus[atomic_load_explicit(&thread->home, memory_order_relaxed)]->run_queue;
    } while (!run_queue_change(queue, thread, placed, &was_queued));
    if (was_queued) {
        scheduler_insert(thread);
    } else {
        atomic_fetch_or_explicit(&thread->work, WORK_PLACE, memory_order_seq_cst);
        thread_show_work(thread);
    }
}

void placement_set_band(struct thread *thread, uint32_t band) {
    note_band(band);
    change(thread, (struct placed){band, ready_cpus(&thread->ready)});
}

void placement_set_cpus(struct thread *thread, uint64_t allowed) {
    change(thread, (struct placed){ready_band(&thread->ready), allowed});
}
