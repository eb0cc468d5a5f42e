#include "tools/capos/pump.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/assert.h"
#include "tools/capos/process.h"

#define REPORT_BYTES_MAX (64u << 10)
#define LOG_BYTES_KEPT (64u << 10)
#define DIAGNOSTIC_BYTES_KEPT (32u << 10)
#define SCRATCH_BYTES (32u << 10)

/* How long a machine's last output may take when the machine was ended from outside. */
#define LAST_OUTPUT_MS 1000

/* The order of the poll entries. */
enum {
    WAIT_SIGNALS,
    WAIT_REPORT,
    WAIT_LOG,
    WAIT_DIAGNOSTICS,
    WAIT_INPUT,
    WAIT_OUTPUT = WAIT_INPUT + 2,
    WAIT_ERROR = WAIT_OUTPUT + 2,
    WAIT_COUNT = WAIT_ERROR + 2,
};

static sigset_t pump_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    return set;
}

void pump_block_signals(void) {
    const sigset_t set = pump_signals();
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void close_port(struct pump *pump, enum machine_port port) {
    if (pump->machine->ports[port] >= 0) {
        close(pump->machine->ports[port]);
        pump->machine->ports[port] = -1;
    }
}

static void pump_init(struct pump *pump) {
    const int *ports = pump->machine->ports;
    channel_init(&pump->input, ports[MACHINE_INPUT] < 0 ? -1 : STDIN_FILENO, ports[MACHINE_INPUT]);
    channel_init(&pump->output, ports[MACHINE_OUTPUT], STDOUT_FILENO);
    channel_init(&pump->error, ports[MACHINE_ERROR], STDERR_FILENO);
    collector_init(&pump->report, ports[MACHINE_REPORT], REPORT_BYTES_MAX, false);
    collector_init(&pump->log, ports[MACHINE_LOG], LOG_BYTES_KEPT, true);
    collector_init(&pump->diagnostics, pump->machine->diagnostics, DIAGNOSTIC_BYTES_KEPT, true);
    const sigset_t set = pump_signals();
    pump->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    ASSERT(pump->signals >= 0);
    pump->deadline_ms = pump->timeout_ms > 0 ? process_now_ms() + pump->timeout_ms : LLONG_MAX;
}

void pump_fini(struct pump *pump) {
    channel_fini(&pump->input);
    channel_fini(&pump->output);
    channel_fini(&pump->error);
    collector_fini(&pump->report);
    collector_fini(&pump->log);
    collector_fini(&pump->diagnostics);
    for (unsigned port = 0; port < MACHINE_PORT_COUNT; port++) {
        close_port(pump, port);
    }
    close(pump->machine->diagnostics);
    close(pump->signals);
}

/* The machine is killed by its process id; its end comes as SIGCHLD like any other. */
static void end_machine(struct pump *pump, enum pump_end end) {
    if (!pump->machine_ended && pump->end == PUMP_MACHINE_ENDED) {
        pump->end = end;
        kill(pump->machine->pid, SIGKILL);
    }
    pump->deadline_ms = process_now_ms() + LAST_OUTPUT_MS;
}

static void take_signals(struct pump *pump) {
    struct signalfd_siginfo info;
    while (read(pump->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGCHLD) {
            pump->signal = (int)info.ssi_signo;
            end_machine(pump, PUMP_SIGNAL);
        } else if (waitpid(pump->machine->pid, &pump->wait_status, WNOHANG) == pump->machine->pid) {
            pump->machine_ended = true;
        }
    }
}

static void write_log(int file, const uint8_t *bytes, size_t size) {
    while (size > 0) {
        const ssize_t written = write(file, bytes, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return; /* a full disk must not end the program */
        }
        bytes += written;
        size -= (size_t)written;
    }
}

static void collect(struct pump *pump, const struct pollfd *wait) {
    uint8_t scratch[SCRATCH_BYTES];
    if (wait[WAIT_REPORT].revents != 0) {
        collector_read(&pump->report, scratch, sizeof scratch);
    }
    if (wait[WAIT_DIAGNOSTICS].revents != 0) {
        collector_read(&pump->diagnostics, scratch, sizeof scratch);
    }
    if (wait[WAIT_LOG].revents != 0) {
        const size_t size = collector_read(&pump->log, scratch, sizeof scratch);
        if (pump->log_file >= 0) {
            write_log(pump->log_file, scratch, size);
        }
    }
}

/* An end on one side of a channel is passed on to the other. */
static void pass_ends_on(struct pump *pump) {
    if (pump->machine->ports[MACHINE_INPUT] >= 0 && channel_is_done(&pump->input)) {
        /* Not closed: QEMU still reads what is on its way. */
        shutdown(pump->machine->ports[MACHINE_INPUT], SHUT_WR);
        pump->input.to = -1;
    }
    if (pump->output.to < 0) {
        pump->output.from = -1;
        close_port(pump, MACHINE_OUTPUT);
    }
    if (pump->error.to < 0) {
        pump->error.from = -1;
        close_port(pump, MACHINE_ERROR);
    }
}

static bool pump_is_done(const struct pump *pump) {
    return pump->machine_ended && channel_is_done(&pump->output) && channel_is_done(&pump->error) &&
           pump->report.from < 0 && pump->log.from < 0 && pump->diagnostics.from < 0;
}

static int pump_poll(struct pump *pump, struct pollfd *wait) {
    wait[WAIT_SIGNALS] = (struct pollfd){.fd = pump->signals, .events = POLLIN};
    wait[WAIT_REPORT] = (struct pollfd){.fd = pump->report.from, .events = POLLIN};
    wait[WAIT_LOG] = (struct pollfd){.fd = pump->log.from, .events = POLLIN};
    wait[WAIT_DIAGNOSTICS] = (struct pollfd){.fd = pump->diagnostics.from, .events = POLLIN};
    channel_fill_poll(&pump->input, &wait[WAIT_INPUT]);
    channel_fill_poll(&pump->output, &wait[WAIT_OUTPUT]);
    channel_fill_poll(&pump->error, &wait[WAIT_ERROR]);
    int timeout = -1;
    if (pump->deadline_ms != LLONG_MAX) {
        const long long left = pump->deadline_ms - process_now_ms();
        timeout = left <= 0 ? 0 : left < INT_MAX ? (int)left + 1 : INT_MAX;
    }
    return poll(wait, WAIT_COUNT, timeout);
}

void pump_run(struct pump *pump) {
    pump_init(pump);
    while (!pump_is_done(pump)) {
        struct pollfd wait[WAIT_COUNT];
        const int ready = pump_poll(pump, wait);
        if (ready > 0) {
            collect(pump, wait);
            channel_move(&pump->output, &wait[WAIT_OUTPUT], NULL, NULL);
            channel_move(&pump->error, &wait[WAIT_ERROR], NULL, NULL);
            channel_move(&pump->input, &wait[WAIT_INPUT],
                         pump->terminal != NULL ? terminal_filter : NULL, pump->terminal);
            take_signals(pump);
            pass_ends_on(pump);
        }
        if (pump->terminal != NULL && pump->terminal->wants_end && !pump->machine_ended) {
            pump->terminal->wants_end = false;
            end_machine(pump, PUMP_ESCAPE);
        }
        if (process_now_ms() >= pump->deadline_ms) {
            if (pump->machine_ended || pump->end != PUMP_MACHINE_ENDED) {
                return; /* a machine that even a kill does not end is left to the system */
            }
            end_machine(pump, PUMP_TIMEOUT);
        }
    }
}
