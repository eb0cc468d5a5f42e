#include "kernel/arch/x86_64/speculation.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/debug/log.h"

enum {
    MSR_SPEC_CTRL = 0x48,
    MSR_PRED_CMD = 0x49,
    MSR_ARCH_CAPABILITIES = 0x10a,
};
enum { SPEC_CTRL_IBRS = 1 << 0, PRED_CMD_IBPB = 1 << 0 };
enum { CAPABILITY_NO_MELTDOWN = 1 << 0, CAPABILITY_IBRS_ALL = 1 << 1 };
#define EFER_AUTOMATIC_IBRS (UINT64_C(1) << 21)

static bool has_barrier, has_enhanced_ibrs, has_automatic_ibrs;

void speculation_init(void) {
    uint32_t last = cpuid(0, 0).eax, last_extended = cpuid(0x80000000, 0).eax;
    struct cpuid leaf7 = last >= 7 ? cpuid(7, 0) : (struct cpuid){0};
    uint64_t capabilities = (leaf7.edx >> 29 & 1) != 0 ? msr_read(MSR_ARCH_CAPABILITIES) : 0;
    has_barrier = leaf7.edx >> 26 & 1;
    if (last_extended >= 0x80000008) {
        has_barrier = has_barrier || (cpuid(0x80000008, 0).ebx >> 12 & 1) != 0;
    }
    if (last_extended >= 0x80000021) {
        has_automatic_ibrs = cpuid(0x80000021, 0).eax >> 8 & 1;
    }
    has_enhanced_ibrs = (capabilities & CAPABILITY_IBRS_ALL) != 0;
    if (cpu_features.is_intel && (capabilities & CAPABILITY_NO_MELTDOWN) == 0) {
        log_printf("warning: this CPU does not say that it is safe from Meltdown; programs may be "
                   "able to read kernel memory\n");
    }
    speculation_init_cpu();
}

void speculation_init_cpu(void) {
    if (has_automatic_ibrs) {
        msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_AUTOMATIC_IBRS);
    } else if (has_enhanced_ibrs) {
        msr_write(MSR_SPEC_CTRL, SPEC_CTRL_IBRS);
    }
}

void speculation_process_changed(void) {
    if (has_barrier) {
        msr_write(MSR_PRED_CMD, PRED_CMD_IBPB);
    }
}
