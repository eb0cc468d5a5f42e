/*
 * Instructions of one operation when every CPU does it at once: by threads of one process, and by
 * processes.
 *
 * The instruction clock is one for all CPUs, so the time from the first operation to the last end,
 * divided by all operations, is what one of them takes in instructions of any CPU: spinning, and
 * work for others, included. bench/machine.sh sees to it that CPUs take turns wherever they stand.
 */
#include "bench/both/child.h"
#include "bench/both/report.h"
#include "bench/both/run.h"

#define WORKERS_MAX 8u

static struct crew *get_crew(void) {
    return &((struct child_shared *)side_shared())->crew;
}

static void work_in_thread(void *operation) {
    crew_work(get_crew(), *(const uint32_t *)operation);
}

static void work_by_threads(uint32_t operation, uint32_t count) {
    struct side_thread threads[WORKERS_MAX];
    for (uint32_t index = 0; index < count; index++) {
        side_thread_start(&threads[index], work_in_thread, &operation);
    }
    for (uint32_t index = 0; index < count; index++) {
        side_thread_join(&threads[index]);
    }
}

static void work_by_processes(uint32_t operation, uint32_t count) {
    struct side_process processes[WORKERS_MAX];
    for (uint32_t index = 0; index < count; index++) {
        side_process_start(&processes[index], CHILD_OPERATION, operation);
    }
    for (uint32_t index = 0; index < count; index++) {
        side_process_join(&processes[index]);
    }
}

static void measure_operations(const char *group,
                               void (*work)(uint32_t operation, uint32_t count)) {
    const uint32_t count = side_cpu_count();
    struct crew *crew = get_crew();
    CHECK(count <= WORKERS_MAX);
    for (uint32_t operation = 0; operation < CREW_OPERATIONS; operation++) {
        crew_init(crew, count);
        work(operation, count);
        report_result_of_cpus(group, count, crew_operation_name(operation),
                              crew->end_tick - crew->begin_tick,
                              (uint64_t)count * crew_operation_rounds(operation));
    }
}

void run_cpus(void) {
    measure_operations("cpus", work_by_threads);
    measure_operations("processes", work_by_processes);
}
