#pragma once
/* Does a guest really run under KVM here? Asked by running one. */

enum trial_result {
    TRIAL_FAILED,
    TRIAL_PASSED,
    TRIAL_UNDECIDED, /* there is nothing to try it with, or the user broke it off */
};

/*
 * Boots the kernel and init beside this tool under KVM, on two CPUs, with a manifest whose program
 * is not there: init must say so and end the machine within two seconds. Blocks signals
 * (pump_block_signals); one that comes meanwhile is pending afterwards.
 */
enum trial_result trial_run(void);
