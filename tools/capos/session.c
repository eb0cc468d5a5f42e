#include "tools/capos/session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/capos/accelerator.h"
#include "tools/capos/exit_codes.h"
#include "tools/capos/message.h"
#include "tools/capos/outcome.h"
#include "tools/capos/place.h"
#include "tools/capos/process.h"
#include "tools/capos/result_json.h"

/* The files that the user named, opened before anything is booted. */
struct session_files {
    int log; /* -1: none */
    FILE *json;
};

static bool open_files(struct session_files *files, const struct run_options *options) {
    *files = (struct session_files){.log = options->verbose ? STDERR_FILENO : -1};
    if (options->log_path != NULL) {
        files->log = open(options->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (files->log < 0) {
            message_error(options->log_path, "cannot be written: %s; give --log another file",
                          strerror(errno));
            return false;
        }
    }
    if (options->json_path != NULL) {
        files->json = fopen(options->json_path, "we");
        if (files->json == NULL) {
            message_error(options->json_path, "cannot be written: %s; give --json another file",
                          strerror(errno));
            return false;
        }
    }
    return true;
}

/* False, and said, when the JSON could not be written whole. */
static bool close_files(struct session_files *files, const char *json_path) {
    if (files->log > STDERR_FILENO) {
        close(files->log);
    }
    if (files->json != NULL && (ferror(files->json) || fclose(files->json) != 0)) {
        message_error(json_path, "could not be written whole: %s; free some space",
                      strerror(errno));
        return false;
    }
    return true;
}

static void choose_accelerator(struct run_options *options) {
    struct machine_options *machine = &options->machine;
    if (machine->instruction_clock) {
        machine->accelerator = ACCELERATOR_TCG;
        return;
    }
    const struct accelerator_verdict verdict = accelerator_choose(machine->accelerator);
    machine->accelerator = verdict.accelerator;
    if (options->verbose || (verdict.is_new && isatty(STDERR_FILENO))) {
        message_note("accelerator is %s%s%s", accelerator_name(verdict.accelerator),
                     verdict.reason != NULL ? ": " : "",
                     verdict.reason != NULL ? verdict.reason : "");
    }
}

/* A program without a console, or with its output alone, does not take the user's input. */
static bool wants_input(const struct grant_list *grants) {
    const struct grant *console = grants_find(grants, "console");
    return console != NULL && strcmp(console->facet, "output") != 0;
}

/* The null device, or a file of which nothing is left. */
static bool is_at_end(int file) {
    struct stat status, null;
    if (fstat(file, &status) != 0) {
        return false;
    }
    if (S_ISREG(status.st_mode)) {
        return lseek(file, 0, SEEK_CUR) >= status.st_size;
    }
    return S_ISCHR(status.st_mode) && stat("/dev/null", &null) == 0 &&
           status.st_rdev == null.st_rdev;
}

static void session_pump(struct pump *pump, const struct run_options *options) {
    struct terminal terminal = {0};
    if (options->raw_terminal && options->machine.has_input) {
        terminal_begin(&terminal);
        pump->terminal = terminal.is_raw ? &terminal : NULL;
    }
    if (options->machine.debug_port != 0) {
        message_note("waiting for gdb; in another terminal: gdb -ex 'target remote :%u'",
                     options->machine.debug_port);
    }
    pump_run(pump);
    terminal_end(&terminal);
    pump->terminal = NULL;
}

static void die_by_signal(int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    signal(number, SIG_DFL);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int session_end(struct pump *pump, const struct run_options *options,
                       const struct launch *launch, struct session_files *files,
                       long long wall_ms) {
    struct outcome outcome;
    outcome_decide(&outcome, pump, launch);
    outcome_print(&outcome, pump, launch, options->verbose && options->log_path == NULL);
    if (files->json != NULL) {
        const struct result_facts facts = {
            .launch = launch, .machine = &options->machine, .wall_ms = wall_ms};
        result_write_json(files->json, &outcome, &facts);
    }
    const bool is_told = close_files(files, options->json_path);
    if (outcome.signal != 0) {
        die_by_signal(outcome.signal);
    }
    return is_told ? outcome.exit_code : EXIT_CODE_TOOL;
}

static int session_boot(struct run_options *options, const struct launch *launch, int package,
                        struct session_files *files) {
    pump_block_signals();
    choose_accelerator(options);
    options->machine.has_input = wants_input(launch->grants) && !is_at_end(STDIN_FILENO);
    const long long start_ms = process_now_ms();
    struct machine machine;
    if (!machine_start(&machine, &options->machine, package)) {
        (void)close_files(files, options->json_path);
        return EXIT_CODE_TOOL;
    }
    struct pump pump = {
        .machine = &machine,
        .timeout_ms = options->timeout_ms,
        .log_file = files->log,
    };
    session_pump(&pump, options);
    const int code = session_end(&pump, options, launch, files, process_now_ms() - start_ms);
    pump_fini(&pump);
    return code;
}

int session_run(struct run_options *options, const struct launch *launch) {
    char kernel[PATH_MAX];
    if (options->machine.kernel == NULL) {
        place_of_build_file(kernel, "capos-kernel.elf");
        options->machine.kernel = kernel;
    }
    if (access(options->machine.kernel, R_OK) != 0) {
        message_error(options->machine.kernel, "cannot be read: %s; `make` builds the kernel",
                      strerror(errno));
        return EXIT_CODE_TOOL;
    }
    const int package = package_open(&launch->package);
    struct session_files files;
    int code = EXIT_CODE_TOOL;
    if (package >= 0 && open_files(&files, options)) {
        code = session_boot(options, launch, package, &files);
    }
    if (package >= 0) {
        close(package);
    }
    options->machine.kernel = NULL;
    return code;
}
