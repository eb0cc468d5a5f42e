/* Other processes: yielding to them, starting them; and the console. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/side.h"

#define PAUSE_US 1000u

static void wait_for(pid_t process) {
    int status;
    CHECK(waitpid(process, &status, 0) == process);
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
