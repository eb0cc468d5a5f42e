/* Other processes: yielding to them, starting them; and the console. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/both/child.h"

#define PAUSE_US 1000u

static void wait_for(pid_t process) {
    int status;
    CHECK(waitpid(process, &status, 0) == process);
}

void *side_shared(void) {
    static void *page;
    if (page == NULL) {
        page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        CHECK(page != MAP_FAILED);
    }
    return page;
}

void side_process_start(struct side_process *process, uint32_t job, uint32_t argument) {
    process->id = fork();
    CHECK(process->id >= 0);
    if (process->id == 0) {
        child_run(job, argument);
        _exit(0);
    }
}

void side_process_join(struct side_process *process) {
    int status;
    CHECK(waitpid(process->id, &status, 0) == process->id && status == 0);
}

/* There and back are two yields and two switches. */
BENCH(yield_2processes) {
    set_policy(SCHED_FIFO, 1);
    pid_t process = fork();
    CHECK(process >= 0);
    while (process == 0) {
        side_yield();
    }
    MEASURE(measure, 2, ROUNDS, side_yield());
    CHECK(kill(process, SIGKILL) == 0);
    wait_for(process);
    set_policy(SCHED_OTHER, 0);
}

static void start_and_wait(void) {
    static char *const arguments[] = {"tiny", NULL}, *const environment[] = {NULL};
    pid_t process = vfork();
    if (process == 0) {
        execve("/tiny", arguments, environment);
        _exit(127);
    }
    int status;
    CHECK(process > 0 && waitpid(process, &status, 0) == process && status == 0);
}

BENCH(spawn_wait_tiny) {
    MEASURE(measure, 1, ROUNDS_FEW, start_and_wait());
}

/* With pauses, in which the UART sends what it has. */
BENCH(console_write_1) {
    for (uint32_t round = 0; round < ROUNDS_FEW; round++) {
        CHECK(usleep(PAUSE_US) == 0);
        const uint64_t start = measure_tick();
        CHECK(write(STDOUT_FILENO, ".", 1) == 1);
        measure_add(measure, measure_tick() - start - measure->overhead);
    }
}
