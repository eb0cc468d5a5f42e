#include "kernel/arch/x86_64/smp.h"

#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/interrupt.h"
#include "kernel/arch/x86_64/paging.h"
#include "kernel/arch/x86_64/speculation.h"
#include "kernel/boot/acpi.h"
#include "kernel/debug/log.h"
#include "kernel/sched/scheduler.h"

#define SMP_PAGE 8u /* smp_trampoline.S; below 1 MiB, which frame.c leaves alone */
#define START_TIMEOUT_US 1000000u

extern uint8_t smp_trampoline[], smp_trampoline_end[];
extern uint64_t smp_trampoline_root, smp_trampoline_stack, smp_trampoline_argument;

_Noreturn void smp_cpu_main(struct cpu *cpu);

static uint64_t *word_in_copy(uint64_t *word) {
    uint64_t offset = (uint64_t)((uint8_t *)word - smp_trampoline);
    return (uint64_t *)(void *)((uint8_t *)direct_map(paddr(SMP_PAGE * PAGE_SIZE)) + offset);
}

_Noreturn void smp_cpu_main(struct cpu *cpu) {
    cpu_init_local(cpu);
    apic_init_local();
    speculation_init_cpu();
    /* release: pairs with the acquire in start_one */
    atomic_store_explicit(&cpu->online, true, memory_order_release);
    scheduler_start();
}

static bool start_one(uint32_t apic_id) {
    struct cpu *cpu = cpu_create(apic_id);
    if (cpu == NULL) {
        return false;
    }
    *word_in_copy(&smp_trampoline_root) = paging_kernel_root().value;
    *word_in_copy(&smp_trampoline_stack) = cpu->stack_top;
    *word_in_copy(&smp_trampoline_argument) = (uint64_t)(uintptr_t)cpu;
    apic_start_cpu(apic_id, SMP_PAGE);
    for (uint32_t waited = 0; waited < START_TIMEOUT_US; waited += 50) {
        if (atomic_load_explicit(&cpu->online, memory_order_acquire)) {
            return true;
        }
        clock_delay_us(50);
    }
    panic("CPU %u (APIC id %u) did not start", cpu->index, apic_id);
}

void smp_start(void) {
    const struct acpi_info *info = acpi_info();
    atomic_store_explicit(&cpu_current()->online, true, memory_order_relaxed);
    if (info->cpu_count < 2) {
        return;
    }
    memcpy(direct_map(paddr(SMP_PAGE * PAGE_SIZE)), smp_trampoline,
           (size_t)(smp_trampoline_end - smp_trampoline));
    for (uint32_t i = 0; i < info->cpu_count; i++) {
        uint32_t apic_id = info->apic_ids[i];
        if (apic_id == interrupt_boot_apic_id()) {
            continue;
        }
        if (apic_id > apic_id_max()) {
            log_printf("CPU with APIC id %u: out of reach without x2APIC\n", apic_id);
        } else if (!start_one(apic_id)) {
            log_printf("CPU with APIC id %u: no memory to start it\n", apic_id);
        }
    }
}
