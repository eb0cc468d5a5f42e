#pragma once
/*
 * One CPU: what is its own, and the registers that only the kernel may touch.
 *
 * Rules
 * - cpu_current() is valid from cpu_init_boot on. Fields belong to the CPU itself (interrupts are
 *   off in the kernel), but for those that are marked as shared.
 */
#include <stdatomic.h>

#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/trap.h"
#include "kernel/sched/cpu_time.h"
#include "kernel/sched/run_queue.h"
#include "kernel/spinlock.h"
#include "kernel/types.h"

struct thread;
struct space;
struct object;

struct gdt {
    uint64_t null, kernel_code, kernel_data, user_data, user_code, tss[2];
};

/* SDM volume 3, 8.7 */
struct __attribute__((packed)) tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3, io_bitmap;
};

#define FLUSH_FRAMES_MAX 512u
#define ZEROED_FRAMES_MAX 4u

/* In place of a band. */
#define RUNNING_NOBODY (-1)    /* or soon another thread */
#define RUNNING_UNDISTURBED 32 /* makes way for nobody */

struct cpu {
    struct cpu *self;      /* CPU_SELF */
    struct thread *thread; /* CPU_THREAD: whose registers are in this CPU; NULL: nobody's */
    uint64_t frame_top;    /* CPU_FRAME_TOP: end of that thread's trap frame */
    uint64_t stack_top;    /* CPU_STACK */
    uint64_t user_rsp;     /* CPU_USER_RSP: between two instructions of syscall_entry */
    bool attention;        /* CPU_ATTENTION: the way out of a system call is by scheduler_pick */

    uint32_t index;
    uint32_t apic_id;
    struct space *space;     /* whose tables CR3 holds; NULL: the kernel's own */
    uint64_t process_id;     /* of the program that ran here last */
    bool tsc_enabled;        /* CR4.TSD is clear */
    uint64_t slice_end_ns;   /* when the running thread's turn is over, if others wait */
    uint64_t time_due_ns;    /* when a wait for CPU time of the running thread may be due */
    uint64_t idle_end_ns;    /* when it last had somebody to run again */
    uint64_t timer_armed_ns; /* deadline in the local APIC timer; UINT64_MAX: none */

    /* shared: other CPUs read these */
    _Atomic(struct object *) target; /* of the call that runs here, used without a reference */
    _Atomic uint32_t zeroed_count;   /* of the frames in zeroed_frames */
    _Atomic int32_t running_band;    /* of the running thread, or as below */
    _Atomic uint64_t timer_interrupts;
    struct cpu_run run; /* see kernel/sched/cpu_time.h */

    /* shared: other CPUs write these */
    _Atomic bool online;
    _Atomic uint32_t notices;                     /* see kernel/sched/placement.h */
    _Atomic uint64_t flush_requested, flush_done; /* see kernel/arch/x86_64/flush.h */
    struct run_queue run_queue;                   /* has its own lock */
    struct timers timers;                         /* has its own lock */

    struct gdt gdt;
    struct tss tss;
    uint64_t *message;   /* CAPOS_MESSAGE_BYTES_MAX bytes for the parameters of the current call */
    paddr_t *free_batch; /* FLUSH_FRAMES_MAX frames that wait for a flush */
    paddr_t zeroed_frames[ZEROED_FRAMES_MAX]; /* of kernel/mm/frame.c */
};
_Static_assert(offsetof(struct cpu, thread) == CPU_THREAD, "layout.h");
_Static_assert(offsetof(struct cpu, frame_top) == CPU_FRAME_TOP, "layout.h");
_Static_assert(offsetof(struct cpu, stack_top) == CPU_STACK, "layout.h");
_Static_assert(offsetof(struct cpu, user_rsp) == CPU_USER_RSP, "layout.h");
_Static_assert(offsetof(struct cpu, attention) == CPU_ATTENTION, "layout.h");
_Static_assert(sizeof(struct cpu) <= PAGE_SIZE, "a CPU is a page");

static inline struct cpu *cpu_current(void) {
    struct cpu *cpu;
    __asm__("movq %%gs:%c1, %0" : "=r"(cpu) : "i"(CPU_SELF));
    return cpu;
}

/* The thread that runs here waits, ends, gives up its turn or has work to do: something that its
 * system call must not pass by on its way back. What other CPUs want comes by an interrupt. */
static inline void cpu_need_attention(void) {
    __asm__ volatile("movb $1, %%gs:%c0" : : "i"(CPU_ATTENTION) : "memory");
}

/* Another CPU waits for this one to flush translations (flush.h). */
static inline bool cpu_has_flush_request(const struct cpu *cpu) {
    return atomic_load_explicit(&cpu->flush_requested, memory_order_relaxed) !=
           atomic_load_explicit(&cpu->flush_done, memory_order_relaxed);
}

/* All CPUs that were started; index < cpu_count(). */
extern struct cpu *cpus[CPUS_MAX];
uint32_t cpu_count(void);
/* A bit for each. */
static inline uint64_t cpu_all(void) {
    return UINT64_MAX >> (CPUS_MAX - cpu_count());
}
_Static_assert(CPUS_MAX == 64, "cpu_all");

/* How often the timers of all CPUs have fired. */
uint64_t cpu_timer_interrupts(void);

/* What this machine can do, probed once on the boot CPU. */
struct cpu_features {
    bool nx, smep, smap, umip, xsave, xsaveopt, tsc_deadline, x2apic, rdrand, pge;
    bool is_intel, x87_pointers_stay;
    uint64_t xcr0;        /* components in XSAVE state: x87, SSE, AVX, AVX-512 */
    uint32_t xsave_bytes; /* size of an XSAVE area */
    uint32_t physical_bits;
    char vendor[13];
};
extern struct cpu_features cpu_features;

/* The boot CPU, before memory management: static struct cpu and stacks. */
void cpu_init_boot(void);
/* With memory management: a stack between unmapped pages, in use from the next entry on. */
void cpu_guard_boot_stack(void);
extern uint8_t boot_cpu_stack[KERNEL_STACK_BYTES];
/* Memory for one more CPU; its index is the next free one. NULL when there is none. */
struct cpu *cpu_create(uint32_t apic_id);
/* On the CPU itself: GDT, TSS, IDT, control registers, SYSCALL. */
void cpu_init_local(struct cpu *cpu);

static inline uint64_t msr_read(uint32_t msr) {
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}
static inline void msr_write(uint32_t msr, uint64_t value) {
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}
static inline uint64_t tsc_read(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}
struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};
static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf) {
    struct cpuid r;
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}
static inline uint64_t cr2_read(void) {
    uint64_t value;
    __asm__ volatile("movq %%cr2, %0" : "=r"(value));
    return value;
}
static inline uint64_t cr4_read(void) {
    uint64_t value;
    __asm__ volatile("movq %%cr4, %0" : "=r"(value));
    return value;
}
static inline void cr4_write(uint64_t value) {
    __asm__ volatile("movq %0, %%cr4" : : "r"(value) : "memory");
}
static inline void cr3_write(uint64_t value) {
    __asm__ volatile("movq %0, %%cr3" : : "r"(value) : "memory");
}

enum {
    MSR_APIC_BASE = 0x1b,
    MSR_TSC_DEADLINE = 0x6e0,
    MSR_EFER = 0xc0000080,
    MSR_STAR = 0xc0000081,
    MSR_LSTAR = 0xc0000082,
    MSR_CSTAR = 0xc0000083,
    MSR_SFMASK = 0xc0000084,
    MSR_FS_BASE = 0xc0000100,
    MSR_GS_BASE = 0xc0000101,
    MSR_KERNEL_GS_BASE = 0xc0000102,
    MSR_SYSENTER_CS = 0x174,
    MSR_SYSENTER_ESP = 0x175,
    MSR_SYSENTER_EIP = 0x176,
};

/* Stops this CPU until an interrupt, and lets that in; interrupts are off again afterwards. */
static inline void cpu_idle_once(void) {
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}
/* Lets pending interrupts in between two steps of a long operation. No lock may be held. */
static inline void cpu_interrupt_window(void) {
    __asm__ volatile("sti; nop; cli" ::: "memory");
}
_Noreturn void cpu_halt(void);

/* A program may set RFLAGS.AC, which SYSCALL clears and an interrupt does not: with it set, SMAP
 * would not guard the kernel. */
static inline void cpu_forbid_user_access(void) {
    if (cpu_features.smap) {
        __asm__ volatile("clac" ::: "cc");
    }
}

/* A word of the hardware's random generator; false when there is none or it has run dry. */
bool cpu_read_random(uint64_t *value);

/* Makes the thread that runs next able, or unable, to read the time-stamp counter (rule 13). */
void cpu_change_tsc_enabled(struct cpu *cpu, bool enabled);
static inline void cpu_set_tsc_enabled(struct cpu *cpu, bool enabled) {
    if (cpu->tsc_enabled != enabled) {
        cpu_change_tsc_enabled(cpu, enabled);
    }
}
/* True when a program has left segment selectors behind. */
static inline bool cpu_has_segments(void) {
    uint32_t ds, es, fs, gs;
    __asm__ volatile("movl %%ds, %0; movl %%es, %1; movl %%fs, %2; movl %%gs, %3"
                     : "=r"(ds), "=r"(es), "=r"(fs), "=r"(gs));
    return (ds | es | fs | gs) != 0;
}
/* Clears them, so that the next program cannot see them. */
void cpu_reset_segments(void);
