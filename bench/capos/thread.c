/* Threads of one process. */
#include "bench/side.h"

static int64_t run_thread(void *argument) {
    const struct side_thread *thread = argument;
    thread->run(thread->argument);
    return 0;
}

void side_thread_start(struct side_thread *thread, void (*run)(void *argument), void *argument) {
    thread->run = run;
    thread->argument = argument;
    CHECK(capos_thread_create(&thread->thread, NULL, run_thread, thread) == 0);
}

void side_thread_join(struct side_thread *thread) {
    CHECK(capos_thread_wait(&thread->thread, NULL) == 0);
}

BENCH(yield_2threads) {
    measure_yields_2threads(measure);
}
