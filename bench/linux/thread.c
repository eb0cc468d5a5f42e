/* Threads of one process. */
#define _GNU_SOURCE
#include <unistd.h>

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
