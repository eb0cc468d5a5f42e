/* A job done by as many threads as there are CPUs, then by as many processes. */
#include "bench/both/child.h"
#include "bench/both/report.h"
#include "bench/both/run.h"

#define WORKERS_MAX 8u

static void do_by_threads(struct primes *job, uint32_t count) {
    struct side_thread threads[WORKERS_MAX];
    for (uint32_t index = 0; index < count; index++) {
        side_thread_start(&threads[index], primes_work, job);
    }
    for (uint32_t index = 0; index < count; index++) {
        side_thread_join(&threads[index]);
    }
}

static void do_by_processes(struct primes *job, uint32_t count) {
    (void)job; /* stands where they find it */
    struct side_process processes[WORKERS_MAX];
    for (uint32_t index = 0; index < count; index++) {
        side_process_start(&processes[index], CHILD_PRIMES, 0);
    }
    for (uint32_t index = 0; index < count; index++) {
        side_process_join(&processes[index]);
    }
}

/* In nanoseconds. */
static void measure_job(const char *name, void (*work)(struct primes *job, uint32_t count)) {
    const uint32_t count = side_cpu_count();
    struct primes *job = &((struct child_shared *)side_shared())->primes;
    CHECK(count <= WORKERS_MAX);
    *job = (struct primes){0};
    const uint64_t begin_ns = side_now_ns();
    work(job, count);
    const uint64_t took_ns = side_now_ns() - begin_ns;
    CHECK(job->found == PRIMES_FOUND);
    report_result_of_cpus("speedup", count, name, took_ns, 1);
}

void run_speedup(void) {
    measure_job("threads", do_by_threads);
    measure_job("processes", do_by_processes);
}
