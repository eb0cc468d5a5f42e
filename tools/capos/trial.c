#include "tools/capos/trial.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/capos/manifest.h"
#include "tools/capos/package.h"
#include "tools/capos/place.h"
#include "tools/capos/pump.h"
#include "tools/capos/report.h"

#define TRIAL_TIMEOUT_MS 2000
#define TRIAL_MEMORY (UINT64_C(64) << 20)

static char absent_program[] = "none";

static int trial_open_package(void) {
    char init[PATH_MAX];
    place_of_build_file(init, "user/init.elf");
    if (access(init, R_OK) != 0) {
        return -1;
    }
    char *const arguments[] = {absent_program};
    const struct grant_list no_grants = {0};
    const struct manifest_program program = {
        .file = absent_program, .arguments = arguments, .argument_count = 1, .grants = &no_grants};
    size_t size;
    void *manifest = manifest_create(&program, &size);
    static struct package package;
    int fd = -1;
    if (manifest != NULL && package_add(&package, "manifest", manifest, size) &&
        package_add_path(&package, "init", init)) {
        fd = package_open(&package);
    }
    package_fini(&package);
    free(manifest);
    return fd;
}

/* The report shows that user mode ran; the exit code, that the kernel came to its end. */
static enum trial_result trial_judge(const struct pump *pump) {
    struct run_report report;
    if (pump->end == PUMP_SIGNAL) {
        raise(pump->signal);
        return TRIAL_UNDECIDED;
    }
    const bool has_passed = pump->end == PUMP_MACHINE_ENDED && WIFEXITED(pump->wait_status) &&
                            WEXITSTATUS(pump->wait_status) == MACHINE_EXIT_ORDERLY &&
                            report_read(&report, pump->report.bytes, pump->report.size);
    return has_passed ? TRIAL_PASSED : TRIAL_FAILED;
}

enum trial_result trial_run(void) {
    char kernel[PATH_MAX];
    place_of_build_file(kernel, "capos-kernel.elf");
    const int package = access(kernel, R_OK) == 0 ? trial_open_package() : -1;
    if (package < 0) {
        return TRIAL_UNDECIDED;
    }
    const struct machine_options options = {.kind = MACHINE_MICROVM,
                                            .accelerator = ACCELERATOR_KVM,
                                            .cpus = 2,
                                            .memory_bytes = TRIAL_MEMORY,
                                            .kernel = kernel};
    struct machine machine;
    pump_block_signals();
    enum trial_result result = TRIAL_UNDECIDED;
    if (machine_start(&machine, &options, package)) {
        struct pump pump = {.machine = &machine, .timeout_ms = TRIAL_TIMEOUT_MS, .log_file = -1};
        pump_run(&pump);
        result = trial_judge(&pump);
        pump_fini(&pump);
    }
    close(package);
    return result;
}
