#pragma once
/*
 * What the CPU offers against speculative side channels, and its use (Intel: "Speculative Execution
 * Side Channel Mitigations"; AMD: "Indirect Branch Control Extension"). Indices that programs name
 * are masked where they are used (core/captable.h).
 */

/* Probes once, on the boot CPU; a CPU open to Meltdown gets a warning in the log, because there is
 * no second set of page tables for programs. */
void speculation_init(void);
/* On each CPU: branch restriction in the kernel, where it is a mode and not a switch. */
void speculation_init_cpu(void);
/* Another process is about to run here: what the last one taught the branch predictor is forgotten.
 */
void speculation_process_changed(void);
