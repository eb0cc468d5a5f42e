/* Threads of one process, and processes that share a job. */
#define _GNU_SOURCE
#include <sys/wait.h>
#include <unistd.h>

#include "bench/both/primes.h"
#include "bench/side.h"

static void *run_thread(void *argument) {
    struct side_thread *thread = argument;
    thread->run(thread->argument);
    return NULL;
}

void side_thread_start(struct side_thread *thread, void (*run)(void *argument), void *argument) {
    thread->run = run;
    thread->argument = argument;
    CHECK(pthread_create(&thread->id, NULL, run_thread, thread) == 0);
}

void side_thread_join(struct side_thread *thread) {
    CHECK(pthread_join(thread->id, NULL) == 0);
}

uint32_t side_cpu_count(void) {
    cpu_set_t cpus;
    CHECK(sched_getaffinity(0, sizeof cpus, &cpus) == 0);
    return (uint32_t)CPU_COUNT(&cpus);
}

/* The C library's own refuses: POSIX has it otherwise. */
void set_policy(int policy, int priority) {
    const struct sched_param parameters = {.sched_priority = priority};
    CHECK(syscall(SYS_sched_setscheduler, 0, policy, &parameters) == 0);
}

BENCH(yield_2threads) {
    set_policy(SCHED_FIFO, 1);
    measure_yields_2threads(measure);
    set_policy(SCHED_OTHER, 0);
}

uint32_t side_processes_run(uint32_t count) {
    uint32_t sum = 0;
    for (uint32_t index = 0; index < count; index++) {
        const pid_t process = fork();
        CHECK(process >= 0);
        if (process == 0) {
            _exit((int)primes_share(index, count));
        }
    }
    for (uint32_t index = 0; index < count; index++) {
        int status;
        CHECK(wait(&status) > 0 && WIFEXITED(status));
        sum += (uint32_t)WEXITSTATUS(status);
    }
    return sum;
}
