#include "kernel/arch/x86_64/flush.h"

#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/mm/space.h"
#include "kernel/sched/scheduler.h"

/* Above this many pages one reload of CR3 is cheaper than INVLPG for each. */
#define FLUSH_PAGES_MAX 32u

/* So many turns of a wait pass before others are interrupted. Those that are in the kernel, and
 * wait for us or for a lock, answer by themselves, and an interrupt would come to them in vain. */
#define FLUSH_PATIENCE 4u

static void flush_local(uint64_t address, uint64_t size) {
    if (size > FLUSH_PAGES_MAX * PAGE_SIZE) {
        uint64_t cr3;
        __asm__ volatile("movq %%cr3, %0" : "=r"(cr3));
        cr3_write(cr3);
        return;
    }
    for (uint64_t at = address; at < address + size; at += PAGE_SIZE) {
        __asm__ volatile("invlpg (%0)" : : "r"(at) : "memory");
    }
}

void flush_serve(void) {
    struct cpu *cpu = cpu_current();
    /* acquire: pairs with the release in flush_range; changed entries are seen before we flush */
    uint64_t requested = atomic_load_explicit(&cpu->flush_requested, memory_order_acquire);
    if (requested == atomic_load_explicit(&cpu->flush_done, memory_order_relaxed)) {
        return;
    }
    flush_local(0, UINT64_MAX);
    scheduler_check_time(); /* process_capabilities.c flushes when a process has lost its time */
    /* release: pairs with the acquire in flush_range; the flush came first */
    atomic_store_explicit(&cpu->flush_done, requested, memory_order_release);
}

void arch_spin_pause(void) {
    flush_serve();
    __asm__ volatile("pause");
}

void flush_here(struct space *space, uint64_t address, uint64_t size) {
    if (cpu_current()->space == space) {
        flush_local(address, size);
    }
}

bool flush_if_alone(struct space *space, uint64_t address, uint64_t size) {
    struct cpu *self = cpu_current();
    /* Full fence by the locked operation: pairs with the one in space_activate. Either we see the
     * CPU in the mask, or it loads the tables, and looks at the count, after our change. */
    atomic_fetch_add_explicit(&space->flush_count, 1, memory_order_seq_cst);
    for (uint32_t word = 0; word < SPACE_CPU_WORDS; word++) {
        uint64_t own = self->index / 64 == word ? UINT64_C(1) << (self->index % 64) : 0;
        if ((atomic_load_explicit(&space->active_cpus[word], memory_order_relaxed) & ~own) != 0) {
            return false;
        }
    }
    flush_here(space, address, size);
    return true;
}

/* The CPUs that have been asked to flush, and which request each of them is to answer. */
struct shootdown {
    uint64_t waiting[SPACE_CPU_WORDS];
    uint64_t ticket[CPUS_MAX];
};

static void ask_others(const struct space *space, struct shootdown *shootdown) {
    uint32_t self = cpu_current()->index;
    for (uint32_t word = 0; word < SPACE_CPU_WORDS; word++) {
        uint64_t own = self / 64 == word ? UINT64_C(1) << (self % 64) : 0;
        uint64_t others =
            atomic_load_explicit(&space->active_cpus[word], memory_order_relaxed) & ~own;
        shootdown->waiting[word] = others;
        for (; others != 0; others &= others - 1) {
            uint32_t index = word * 64 + (uint32_t)__builtin_ctzll(others);
            /* release: pairs with the acquire in flush_serve */
            shootdown->ticket[index] = 1 + atomic_fetch_add_explicit(&cpus[index]->flush_requested,
                                                                     1, memory_order_release);
        }
    }
}

/* Forgets those that have answered; true when all have. */
static bool is_answered(struct shootdown *shootdown) {
    uint64_t left = 0;
    for (uint32_t word = 0; word < SPACE_CPU_WORDS; word++) {
        for (uint64_t bits = shootdown->waiting[word]; bits != 0; bits &= bits - 1) {
            uint32_t bit = (uint32_t)__builtin_ctzll(bits), index = word * 64 + bit;
            /* acquire: pairs with the release in flush_serve */
            if (atomic_load_explicit(&cpus[index]->flush_done, memory_order_acquire) >=
                shootdown->ticket[index]) {
                shootdown->waiting[word] &= ~(UINT64_C(1) << bit);
            }
        }
        left |= shootdown->waiting[word];
    }
    return left == 0;
}

static void interrupt_others(const struct shootdown *shootdown) {
    for (uint32_t word = 0; word < SPACE_CPU_WORDS; word++) {
        for (uint64_t bits = shootdown->waiting[word]; bits != 0; bits &= bits - 1) {
            apic_send(cpus[word * 64 + (uint32_t)__builtin_ctzll(bits)]->apic_id, VECTOR_FLUSH);
        }
    }
}

void flush_range(struct space *space, uint64_t address, uint64_t size) {
    if (flush_if_alone(space, address, size)) {
        return;
    }
    flush_here(space, address, size);
    struct shootdown shootdown;
    ask_others(space, &shootdown);
    for (uint32_t turn = 0; !is_answered(&shootdown); turn++) {
        if (turn == FLUSH_PATIENCE) {
            interrupt_others(&shootdown);
        }
        arch_spin_pause();
    }
}
