/* Two processes that wait for each other. */
#include "bench/both/child.h"

BENCH(park_pingpong_2processes) {
    struct pingpong *game = &((struct child_shared *)side_shared())->game;
    struct side_process partner;
    pingpong_init(game, ROUNDS_WARM_UP + ROUNDS);
    side_process_start(&partner, CHILD_PONG, 0);
    MEASURE(measure, 1, ROUNDS, pingpong_play(game, side_park_shared, side_unpark_shared));
    side_process_join(&partner);
}
