#include "kernel/arch/x86_64/flush.h"

#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/mm/space.h"
#include "kernel/sched/scheduler.h"

/* Above this many pages one reload of CR3 is cheaper than INVLPG for each. */
#define FLUSH_PAGES_MAX 32u

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
    scheduler_check_time(); /* process.c flushes when a process has lost its time */
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

void flush_range(struct space *space, uint64_t address, uint64_t size) {
    struct cpu *self = cpu_current();
    if (flush_if_alone(space, address, size)) {
        return;
    }
    flush_here(space, address, size);
    uint64_t ticket[CPUS_MAX];
    uint64_t waiting[SPACE_CPU_WORDS] = {0};
    for (uint32_t i = 0; i < cpu_count(); i++) {
        struct cpu *cpu = cpus[i];
        uint64_t bit = UINT64_C(1) << (i % 64);
        if (cpu == self ||
            (atomic_load_explicit(&space->active_cpus[i / 64], memory_order_relaxed) & bit) == 0) {
            continue;
        }
        /* release: pairs with the acquire in flush_serve */
        ticket[i] = atomic_fetch_add_explicit(&cpu->flush_requested, 1, memory_order_release) + 1;
        waiting[i / 64] |= bit;
        apic_send(cpu->apic_id, VECTOR_FLUSH);
    }
    for (uint32_t i = 0; i < cpu_count(); i++) {
        if ((waiting[i / 64] >> (i % 64) & 1) == 0) {
            continue;
        }
        /* acquire: pairs with the release in flush_serve */
        while (atomic_load_explicit(&cpus[i]->flush_done, memory_order_acquire) < ticket[i]) {
            arch_spin_pause();
        }
    }
}
