#pragma once
/*
 * Keeps a machine's streams flowing until it has ended and all its output is delivered.
 *
 * Rules
 * - SIGINT, SIGTERM, SIGHUP and SIGCHLD are blocked (pump_block_signals) from before the machine
 *   starts, and read from a file here. SIGPIPE is ignored.
 * - When the reader of the program's output goes away, that port is closed and the guest sees it;
 *   when the input ends, the guest reads what is left and then the end.
 */
#include "tools/capos/channel.h"
#include "tools/capos/machine.h"
#include "tools/capos/terminal.h"

enum pump_end {
    PUMP_MACHINE_ENDED,
    PUMP_TIMEOUT,
    PUMP_SIGNAL,
    PUMP_ESCAPE, /* Ctrl-A X */
};

struct pump {
    struct machine *machine;
    struct terminal *terminal; /* raw, or NULL */
    long long timeout_ms;      /* 0: none */
    int log_file;              /* -1: the log is only kept */

    enum pump_end end;
    int signal;      /* for PUMP_SIGNAL */
    int wait_status; /* of QEMU, as waitpid gives it */
    struct collector report, log, diagnostics;

    struct channel input, output, error;
    int signals;
    bool machine_ended;
    long long deadline_ms; /* of the machine; then of the delivery of its last output */
};

void pump_block_signals(void);
void pump_run(struct pump *pump);
void pump_fini(struct pump *pump);
