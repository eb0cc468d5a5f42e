#include "kernel/arch/x86_64/cpu.h"

#include "capos/abi.h"
#include "kernel/arch/x86_64/paging.h"
#include "kernel/debug/log.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kernel_map.h"
#include "kernel/sched/upcall.h"

struct cpu *cpus[CPUS_MAX];
struct cpu_features cpu_features;

static uint32_t count;
static _Alignas(PAGE_SIZE) struct cpu boot_cpu;
_Alignas(16) uint8_t boot_cpu_stack[KERNEL_STACK_BYTES]; /* from boot.S to the scheduler's start */
static _Alignas(IST_STACK_BYTES) uint8_t boot_ist_stacks[4][IST_STACK_BYTES];
static uint64_t boot_message[CAPOS_MESSAGE_BYTES_MAX / sizeof(uint64_t)];
static paddr_t boot_free_batch[FLUSH_FRAMES_MAX];

enum { CR0_MP = 1 << 1, CR0_EM = 1 << 2, CR0_TS = 1 << 3, CR0_NE = 1 << 5, CR0_AM = 1 << 18 };
enum {
    CR4_TSD = 1 << 2,
    CR4_DE = 1 << 3,
    CR4_PAE = 1 << 5,
    CR4_MCE = 1 << 6,
    CR4_PGE = 1 << 7,
    CR4_OSFXSR = 1 << 9,
    CR4_OSXMMEXCPT = 1 << 10,
    CR4_UMIP = 1 << 11,
    CR4_OSXSAVE = 1 << 18,
    CR4_SMEP = 1 << 20,
    CR4_SMAP = 1 << 21,
};

/* x87, SSE, AVX and the three AVX-512 components (SDM volume 1, 13.1). */
#define XCR0_WANTED UINT64_C(0xe7)

#define RDRAND_TRIES 10u /* SDM volume 1, 7.3.17.1 */

uint32_t cpu_count(void) {
    return count;
}

uint64_t cpu_timer_interrupts(void) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += atomic_load_explicit(&cpus[i]->timer_interrupts, memory_order_relaxed);
    }
    return sum;
}

static void probe_features(void) {
    struct cpuid leaf0 = cpuid(0, 0), leaf1 = cpuid(1, 0);
    memcpy(cpu_features.vendor, &leaf0.ebx, 4);
    memcpy(cpu_features.vendor + 4, &leaf0.edx, 4);
    memcpy(cpu_features.vendor + 8, &leaf0.ecx, 4);
    cpu_features.xsave = leaf1.ecx >> 26 & 1;
    cpu_features.x2apic = leaf1.ecx >> 21 & 1;
    cpu_features.tsc_deadline = leaf1.ecx >> 24 & 1;
    cpu_features.rdrand = leaf1.ecx >> 30 & 1;
    cpu_features.pge = leaf1.edx >> 13 & 1;
    if (leaf0.eax >= 7) {
        struct cpuid leaf7 = cpuid(7, 0);
        cpu_features.smep = leaf7.ebx >> 7 & 1;
        cpu_features.smap = leaf7.ebx >> 20 & 1;
        cpu_features.umip = leaf7.ecx >> 2 & 1;
    }
    uint32_t extended = cpuid(0x80000000, 0).eax;
    struct cpuid features = cpuid(0x80000001, 0);
    cpu_features.nx = features.edx >> 20 & 1;
    cpu_features.physical_bits = extended >= 0x80000008 ? cpuid(0x80000008, 0).eax & 0xff : 36;
    cpu_features.is_intel = memcmp(cpu_features.vendor, "GenuineIntel", 12) == 0;
    bool resets_pointers = extended >= 0x80000008 && (cpuid(0x80000008, 0).ebx >> 2 & 1) != 0;
    cpu_features.x87_pointers_stay = !cpu_features.is_intel && !resets_pointers;
    cpu_features.xsave_bytes = 512;
    if (cpu_features.xsave) {
        struct cpuid leaf13 = cpuid(13, 0);
        cpu_features.xcr0 = ((uint64_t)leaf13.edx << 32 | leaf13.eax) & XCR0_WANTED;
        cpu_features.xsaveopt = cpuid(13, 1).eax & 1;
    }
}

void cpu_init_boot(void) {
    probe_features();
    boot_cpu.stack_top = (uint64_t)(uintptr_t)(boot_cpu_stack + sizeof boot_cpu_stack);
    for (int i = 0; i < 4; i++) {
        boot_cpu.tss.ist[i] = (uint64_t)(uintptr_t)(boot_ist_stacks[i] + IST_STACK_BYTES);
    }
    boot_cpu.message = boot_message;
    boot_cpu.free_batch = boot_free_batch;
    cpus[0] = &boot_cpu;
    count = 1;
    trap_init();
    cpu_init_local(&boot_cpu);
}

void cpu_guard_boot_stack(void) {
    uint64_t top = kernel_map_stack(KERNEL_STACK_BYTES);
    if (top == 0) {
        panic("no memory for the boot CPU's stack");
    }
    boot_cpu.stack_top = top;
}

struct cpu *cpu_create(uint32_t apic_id) {
    if (count == CPUS_MAX) {
        return NULL;
    }
    paddr_t self = frame_alloc_zeroed();
    paddr_t message = frame_alloc_contiguous(CAPOS_MESSAGE_BYTES_MAX / PAGE_SIZE);
    paddr_t batch = frame_alloc_zeroed();
    uint64_t stack = kernel_map_stack(KERNEL_STACK_BYTES);
    if (paddr_is_none(self) || paddr_is_none(message) || paddr_is_none(batch) || stack == 0) {
        return NULL;
    }
    struct cpu *cpu = direct_map(self);
    for (int i = 0; i < 4; i++) {
        cpu->tss.ist[i] = kernel_map_stack(IST_STACK_BYTES);
        if (cpu->tss.ist[i] == 0) {
            return NULL;
        }
    }
    cpu->stack_top = stack;
    cpu->message = direct_map(message);
    cpu->free_batch = direct_map(batch);
    cpu->apic_id = apic_id;
    cpu->index = count;
    cpus[count++] = cpu;
    return cpu;
}

static void load_gdt(struct cpu *cpu) {
    uint64_t base = (uint64_t)(uintptr_t)&cpu->tss;
    cpu->gdt.kernel_code = UINT64_C(0x00209b0000000000);
    cpu->gdt.kernel_data = UINT64_C(0x0000930000000000);
    cpu->gdt.user_data = UINT64_C(0x0000f30000000000);
    cpu->gdt.user_code = UINT64_C(0x0020fb0000000000);
    cpu->gdt.tss[0] = (sizeof cpu->tss - 1) | (base & 0xffffff) << 16 | UINT64_C(0x89) << 40 |
                      (base >> 24 & 0xff) << 56;
    cpu->gdt.tss[1] = base >> 32;
    cpu->tss.io_bitmap = sizeof cpu->tss; /* none: every port is the kernel's */
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } pointer = {sizeof cpu->gdt - 1, (uint64_t)(uintptr_t)&cpu->gdt};
    __asm__ volatile("lgdt %0\n\t"
                     "pushq %1\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1: movl %2, %%eax\n\t"
                     "movl %%eax, %%ss\n\t"
                     "xorl %%eax, %%eax\n\t"
                     "movl %%eax, %%ds\n\t"
                     "movl %%eax, %%es\n\t"
                     "movl %%eax, %%fs\n\t"
                     "movl %%eax, %%gs\n\t"
                     "lldt %%ax\n\t" /* none: at reset there is one, at address 0 */
                     "ltr %w3"
                     :
                     : "m"(pointer), "i"(SELECTOR_KERNEL_CODE), "i"(SELECTOR_KERNEL_DATA),
                       "r"(SELECTOR_TSS)
                     : "rax", "memory");
}

static void set_control_registers(void) {
    uint64_t cr0;
    __asm__ volatile("movq %%cr0, %0" : "=r"(cr0));
    cr0 = (cr0 & ~(uint64_t)(CR0_EM | CR0_TS | CR0_AM)) | CR0_MP | CR0_NE;
    /* AM stays off: a program that sets AC would get alignment checks that nobody asked for. */
    __asm__ volatile("movq %0, %%cr0" : : "r"(cr0));
    uint64_t cr4 = CR4_DE | CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    cr4 |= (cpuid(1, 0).edx >> 7 & 1) != 0 ? CR4_MCE : 0;
    cr4 |= cpu_features.pge ? CR4_PGE : 0;
    cr4 |= cpu_features.umip ? CR4_UMIP : 0;
    cr4 |= cpu_features.xsave ? CR4_OSXSAVE : 0;
    cr4 |= cpu_features.smep ? CR4_SMEP : 0;
    cr4 |= cpu_features.smap ? CR4_SMAP : 0;
    cr4_write(cr4);
    if (cpu_features.xsave) {
        __asm__ volatile("xsetbv"
                         :
                         : "c"(0), "a"((uint32_t)cpu_features.xcr0),
                           "d"((uint32_t)(cpu_features.xcr0 >> 32)));
        /* Size of the components that are enabled now. */
        cpu_features.xsave_bytes = cpuid(13, 0).ebx;
        /* A thread has a page for it, and for what stands before it in an upcall. */
        ASSERT(cpu_features.xsave_bytes <= UPCALL_FRAME_BYTES_MAX - UPCALL_ROOM_BYTES);
    }
}

void cpu_init_local(struct cpu *cpu) {
    cpu->self = cpu;
    for (int i = 0; i < 4; i++) {
        uint64_t *last_word = (uint64_t *)(uintptr_t)cpu->tss.ist[i] - 1;
        *last_word = (uint64_t)(uintptr_t)cpu;
        /* The CPU aligns the stack to 16 and pushes below the word that names us. */
    }
    load_gdt(cpu);
    for (int i = 0; i < 4; i++) {
        cpu->tss.ist[i] -= 16;
    }
    msr_write(MSR_GS_BASE, (uint64_t)(uintptr_t)cpu);
    msr_write(MSR_KERNEL_GS_BASE, 0);
    msr_write(MSR_FS_BASE, 0);
    set_control_registers();
    cpu->tsc_enabled = true;
    trap_init_cpu();
    cpu->timer_armed_ns = UINT64_MAX;
    run_queue_init(&cpu->run_queue, cpu->index);
    timers_init(&cpu->timers);
}

void cpu_change_tsc_enabled(struct cpu *cpu, bool enabled) {
    cpu->tsc_enabled = enabled;
    cr4_write(enabled ? cr4_read() & ~(uint64_t)CR4_TSD : cr4_read() | CR4_TSD);
}

void cpu_reset_segments(void) {
    /* Loading GS changes the base that is active now, which is ours: do it between two SWAPGS. */
    __asm__ volatile("movl %0, %%ds; movl %0, %%es; movl %0, %%fs\n\t"
                     "swapgs; movl %0, %%gs; swapgs"
                     :
                     : "r"(0)
                     : "memory");
    msr_write(MSR_KERNEL_GS_BASE, 0);
}

bool cpu_read_random(uint64_t *value) {
    if (!cpu_features.rdrand) {
        return false;
    }
    for (uint32_t i = 0; i < RDRAND_TRIES; i++) {
        bool ok;
        __asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(ok));
        if (ok) {
            return true;
        }
    }
    return false;
}

_Noreturn void cpu_halt(void) {
    for (;;) {
        __asm__ volatile("cli; hlt" ::: "memory");
    }
}
