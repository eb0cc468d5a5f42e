#include "tools/capos/outcome.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "capos/errors.h"
#include "tools/capos/exit_codes.h"
#include "tools/capos/message.h"

#define LOG_LINES_SHOWN 40

__attribute__((format(printf, 4, 5))) static void decide(struct outcome *outcome, const char *name,
                                                         int exit_code, const char *format, ...) {
    outcome->name = name;
    outcome->exit_code = exit_code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(outcome->reason, sizeof outcome->reason, format, arguments);
    va_end(arguments);
}

static void decide_exited(struct outcome *outcome) {
    const int64_t code = outcome->report.code;
    if (code >= 0 && code <= EXIT_CODE_PROGRAM_MAX) {
        decide(outcome, "exited", (int)code, "%s", "");
        return;
    }
    decide(outcome, "exited", EXIT_CODE_PROGRAM_MAX,
           "its exit code %" PRId64 " is not within 0 to %d and becomes %d; --json keeps it whole",
           code, EXIT_CODE_PROGRAM_MAX, EXIT_CODE_PROGRAM_MAX);
}

static const struct capos_error_entry *find_error(int64_t code) {
    for (size_t i = 0; i < capos_error_count; i++) {
        if (capos_errors[i].code == code) {
            return &capos_errors[i];
        }
    }
    return NULL;
}

static void decide_not_started(struct outcome *outcome) {
    const int64_t code = outcome->report.start_error;
    const uint64_t detail = outcome->report.start_detail;
    const struct capos_error_entry *error = find_error(code);
    if (error == NULL) {
        decide(outcome, "notStarted", EXIT_CODE_TOOL,
               "could not be started: error %" PRId64 "; kernel and tool differ, run `make`", code);
    } else if (code == CAPOS_E_BAD_IMAGE && detail < ELF_ERROR_COUNT) {
        decide(outcome, "notStarted", EXIT_CODE_TOOL, "could not be started: %s (%s); %s",
               error->name, elf_error_text((enum elf_error)detail), error->remedy);
    } else {
        decide(outcome, "notStarted", EXIT_CODE_TOOL,
               "could not be started: %s (%s, detail %" PRIu64 "); %s", error->name, error->meaning,
               detail, error->remedy);
    }
}

static void decide_by_report(struct outcome *outcome, const struct launch *launch) {
    switch (outcome->report.outcome) {
    case RUN_EXITED:
        decide_exited(outcome);
        break;
    case RUN_FAULTED:
        crash_describe(&outcome->crash, &outcome->report, launch->program.path);
        decide(outcome, "faulted", EXIT_CODE_FAULT + (int)(outcome->report.vector & 31), "%s",
               outcome->crash.text);
        break;
    case RUN_KILLED:
        decide(outcome, "killed", EXIT_CODE_TOOL,
               "was killed by a holder of its Process capability; nothing to do if that was meant");
        break;
    case RUN_NOT_STARTED:
        decide_not_started(outcome);
        break;
    }
}

static void decide_by_machine(struct outcome *outcome, const struct pump *pump,
                              const struct launch *launch) {
    const int status = pump->wait_status;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == MACHINE_EXIT_PANIC) {
        decide(outcome, "panic", EXIT_CODE_PANIC,
               "the kernel panicked; this is a bug of capOS, please report it with its log");
        outcome->shows_log = true;
    } else if (code != MACHINE_EXIT_ORDERLY && code != 0) {
        char how[64];
        snprintf(how, sizeof how, WIFSIGNALED(status) ? "was killed by signal %d" : "failed (%d)",
                 WIFSIGNALED(status) ? WTERMSIG(status) : code);
        decide(outcome, "machineFailed", EXIT_CODE_TOOL,
               "the virtual machine %s; what %s said stands below", how, machine_qemu());
        outcome->shows_log = true;
        outcome->shows_diagnostics = true;
    } else if (outcome->has_report) {
        decide_by_report(outcome, launch);
    } else {
        decide(outcome, "panic", EXIT_CODE_PANIC,
               "the machine stopped without a report; this is a bug of capOS, please report it "
               "with its log");
        outcome->shows_log = true;
    }
}

void outcome_decide(struct outcome *outcome, const struct pump *pump, const struct launch *launch) {
    *outcome = (struct outcome){0};
    outcome->has_report = report_read(&outcome->report, pump->report.bytes, pump->report.size);
    switch (pump->end) {
    case PUMP_MACHINE_ENDED:
        decide_by_machine(outcome, pump, launch);
        break;
    case PUMP_TIMEOUT:
        decide(outcome, "timeout", EXIT_CODE_TIMEOUT,
               "did not end within %g seconds and was stopped; raise --timeout",
               (double)pump->timeout_ms / 1000);
        break;
    case PUMP_SIGNAL:
        decide(outcome, "interrupted", EXIT_CODE_TOOL, "was stopped by signal %d; run it again",
               pump->signal);
        outcome->signal = pump->signal;
        break;
    case PUMP_ESCAPE:
        decide(outcome, "ended", 0, "%s", "");
        break;
    }
}

static void print_tail(const char *title, const struct collector *collector) {
    if (collector->size == 0) {
        return;
    }
    const uint8_t *start = collector->bytes + collector->size;
    for (int lines = 0; start > collector->bytes; start--) {
        if (start[-1] == '\n' && lines++ == LOG_LINES_SHOWN) {
            break;
        }
    }
    const size_t size = (size_t)(collector->bytes + collector->size - start);
    fprintf(stderr, "---- %s ----\n", title);
    fwrite(start, 1, size, stderr);
    fprintf(stderr, "%s----\n", start[size - 1] == '\n' ? "" : "\n");
}

void outcome_print(const struct outcome *outcome, const struct pump *pump,
                   const struct launch *launch, bool log_was_shown) {
    if (outcome->crash.frame_count > 0) {
        crash_print(&outcome->crash, launch->program.name);
    } else if (outcome->reason[0] != '\0') {
        message_error(launch->program.name, "%s", outcome->reason);
    }
    if (outcome->shows_diagnostics) {
        print_tail(machine_qemu(), &pump->diagnostics);
    }
    if (outcome->shows_log && !log_was_shown) {
        print_tail("the end of the kernel's log", &pump->log);
    }
}
