#include "user/shell/jobs.h"

#include "user/shell/program.h"

#define JOBS_MAX 16u

static struct job {
    char name[64];
    capos_cap_t process; /* CAPOS_CAP_NONE: free */
} jobs[JOBS_MAX];

bool jobs_add(const char *name, capos_cap_t process) {
    for (uint32_t index = 0; index < JOBS_MAX; index++) {
        if (jobs[index].process == CAPOS_CAP_NONE) {
            jobs[index].process = process;
            capos_format(jobs[index].name, sizeof jobs[index].name, "%s", name);
            capos_printf("[%u] %s\n", index + 1, name);
            return true;
        }
    }
    return false;
}

/* Process.wait with a deadline of CAPOS_POLL: asks, and does not wait. */
static int64_t poll_end(capos_cap_t process, struct capos_process_wait_results *end) {
    const struct capos_process_wait_params params = {.root = CAPOS_PROCESS_WAIT_PARAMS_ROOT};
    memcpy(end, &params, sizeof params);
    uint64_t control = CAPOS_ENTER_REGISTER | (uint64_t)CAPOS_OP_CALL << CAPOS_ENTER_OPCODE_SHIFT |
                       (uint64_t)CAPOS_PROCESS_METHOD_WAIT << CAPOS_ENTER_METHOD_SHIFT |
                       (uint64_t)sizeof params << CAPOS_ENTER_LENGTH_SHIFT;
    return capos_invoke(control, process, (uintptr_t)end, 0, 0, CAPOS_POLL).result;
}

void jobs_print(void) {
    bool is_empty = true;
    for (uint32_t index = 0; index < JOBS_MAX; index++) {
        struct job *job = &jobs[index];
        struct capos_process_wait_results end;
        if (job->process == CAPOS_CAP_NONE) {
            continue;
        }
        is_empty = false;
        if (poll_end(job->process, &end) != 0) {
            capos_printf("  [%u] %s: running\n", index + 1, job->name);
            continue;
        }
        capos_printf("  [%u] %s: ended, %lu ms of CPU time\n", index + 1, job->name,
                     end.cpu_time_ns / 1000000);
        program_print_end(job->name, &end);
        capos_release(job->process);
        job->process = CAPOS_CAP_NONE;
    }
    if (is_empty) {
        capos_print("no programs; start one in the background with & at the end of its line\n");
    }
}

void jobs_kill(const char *number) {
    long long index = 0;
    if (!capos_parse_integer(number, &index) || index < 1 || index > JOBS_MAX ||
        jobs[index - 1].process == CAPOS_CAP_NONE) {
        capos_printf("kill: %s: no such program; `ps` lists them with their numbers\n", number);
        return;
    }
    capos_process_kill(jobs[index - 1].process);
    jobs_print();
}
