/*
 * A job done by as many threads as there are CPUs, then by as many processes. The threads take its
 * blocks by a counter that they share, the processes in turn.
 */
#include <stdatomic.h>

#include "bench/both/primes.h"
#include "bench/both/report.h"
#include "bench/both/run.h"
#include "bench/side.h"

#define WORKERS_MAX 8u

static _Atomic uint32_t next_block, primes_found;

static void take_blocks(void *argument) {
    (void)argument;
    uint32_t block;
    while ((block = atomic_fetch_add(&next_block, 1)) < PRIMES_BLOCKS) {
        atomic_fetch_add(&primes_found, primes_count(block));
    }
}

static void do_by_threads(uint32_t count) {
    struct side_thread threads[WORKERS_MAX];
    for (uint32_t index = 0; index < count; index++) {
        side_thread_start(&threads[index], take_blocks, NULL);
    }
    for (uint32_t index = 0; index < count; index++) {
        side_thread_join(&threads[index]);
    }
    CHECK(primes_found == PRIMES_FOUND);
}

static void do_by_processes(uint32_t count) {
    CHECK(side_processes_run(count) % PRIMES_SHARE_VALUES == PRIMES_FOUND % PRIMES_SHARE_VALUES);
}

/* In nanoseconds. */
static void measure_job(const char *name, void (*job)(uint32_t count)) {
    const uint32_t count = side_cpu_count();
    CHECK(count <= WORKERS_MAX);
    const uint64_t begin_ns = side_now_ns();
    job(count);
    const uint64_t took_ns = side_now_ns() - begin_ns;
    report_result_of_cpus("speedup", count, name, took_ns, 1);
}

void run_speedup(void) {
    measure_job("threads", do_by_threads);
    measure_job("processes", do_by_processes);
}
