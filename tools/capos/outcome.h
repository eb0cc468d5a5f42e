#pragma once
/* How a run ended: decided once, from the machine's end and init's report. */
#include "tools/capos/crash.h"
#include "tools/capos/launch.h"
#include "tools/capos/pump.h"

#define OUTCOME_REASON_MAX 512u

struct outcome {
    const char *name;                /* one word, for --json */
    char reason[OUTCOME_REASON_MAX]; /* and a sentence; empty when there is nothing to say */
    int exit_code;
    int signal; /* that ended this tool; 0: none */
    bool has_report;
    struct run_report report;
    struct crash crash;                /* when the program faulted */
    bool shows_log, shows_diagnostics; /* because they tell the cause */
};

void outcome_decide(struct outcome *outcome, const struct pump *pump, const struct launch *launch);
/* Tells on standard error what is not an ordinary end. log_was_shown: it went there already. */
void outcome_print(const struct outcome *outcome, const struct pump *pump,
                   const struct launch *launch, bool log_was_shown);
