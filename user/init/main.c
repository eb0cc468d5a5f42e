/*
 * init: the one program that the kernel starts. It starts what the manifest of the boot package
 * names, waits until all of it has ended, tells the host tool how the last one did, and turns the
 * machine off.
 */
#include "user/init/launch.h"
#include "user/init/manifest.h"
#include "user/init/report.h"

static capos_cap_t processes[MANIFEST_PROGRAMS_MAX];

/* All or nothing: a system that lacks a part is not left running. */
static void kill_all(uint32_t count) {
    for (uint32_t index = 0; index < count; index++) {
        struct capos_process_wait_results end;
        capos_process_kill(processes[index]);
        capos_process_wait(processes[index], &end);
    }
}

static void run_manifest(struct run_outcome *outcome) {
    static struct wire_message message; /* outcome->program refers to it */
    struct wire_list programs;
    outcome->name = "manifest";
    outcome->start_error = manifest_open(&message, &programs);
    if (outcome->start_error != 0) {
        return;
    }
    for (uint32_t index = 0; index < programs.count; index++) {
        outcome->program = wire_list_struct(programs, index);
        outcome->start_error =
            launch_program(outcome->program, &processes[index], &outcome->start_detail);
        if (outcome->start_error != 0) {
            kill_all(index);
            return;
        }
    }
    for (uint32_t index = 0; index < programs.count; index++) {
        outcome->start_error = capos_process_wait(processes[index], &outcome->end);
    }
}

int main(void) {
    static struct run_outcome outcome;
    run_manifest(&outcome);
    int64_t result = report_send(&outcome);
    capos_machine_shutdown(capos_lookup("machine", CAPOS_MACHINE_INTERFACE), 0);
    return result == 0 ? 0 : 1; /* not reached: the machine is off */
}
