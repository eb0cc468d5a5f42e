/* Threads of one process: starting them, yielding to them, waiting on a word. */
#include "bench/both/pingpong.h"

static void yield_until(void *stopping) {
    while (!atomic_load((atomic_bool *)stopping)) {
        side_yield();
    }
}

void measure_yields_2threads(struct measure *measure) {
    static atomic_bool stopping;
    struct side_thread thread;
    side_thread_start(&thread, yield_until, &stopping);
    MEASURE(measure, 2, ROUNDS, side_yield());
    atomic_store(&stopping, true);
    side_thread_join(&thread);
}

static _Atomic uint32_t unwatched;

BENCH(park_wake_nowaiter) {
    MEASURE(measure, 1, ROUNDS, CHECK(side_unpark(&unwatched) == 0));
}

BENCH(park_changed) {
    MEASURE(measure, 1, ROUNDS, side_park(&unwatched, 1));
}

BENCH(park_pingpong) {
    static struct pingpong game;
    struct side_thread partner;
    pingpong_init(&game, ROUNDS_WARM_UP + ROUNDS);
    side_thread_start(&partner, pingpong_answer_in_thread, &game);
    MEASURE(measure, 1, ROUNDS, pingpong_play(&game, side_park, side_unpark));
    side_thread_join(&partner);
}

static void do_nothing(void *argument) {
    (void)argument;
}

static void start_and_join(void) {
    struct side_thread thread;
    side_thread_start(&thread, do_nothing, NULL);
    side_thread_join(&thread);
}

BENCH(thread_create_join) {
    MEASURE(measure, 1, ROUNDS_FEW, start_and_join());
}
