#pragma once
/*
 * What the CPU offers against speculative side channels, and its use (Intel: "Speculative Execution
 * Side Channel Mitigations"; AMD: "Indirect Branch Control Extension"). Indices that programs name
 * are masked where they are used (speculation_clamp, core/captable.h).
 */

#include <stdint.h>

/* An index that was compared with count: the same, or 0 where the CPU runs ahead of a comparison
 * that will turn out false. Without a branch: the borrow of the subtraction is the mask. */
static inline uint64_t speculation_clamp(uint64_t index, uint64_t count) {
    uint64_t mask;
    __asm__ volatile("cmpq %2, %1; sbbq %0, %0" : "=r"(mask) : "r"(index), "r"(count) : "cc");
    return index & mask;
}

/* Probes once, on the boot CPU; a CPU open to Meltdown gets a warning in the log, because there is
 * no second set of page tables for programs. */
void speculation_init(void);
/* On each CPU: branch restriction in the kernel, where it is a mode and not a switch. */
void speculation_init_cpu(void);
/* Another process is about to run here: what the last one taught the branch predictor goes. */
void speculation_process_changed(void);
