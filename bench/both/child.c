#include "bench/both/child.h"

void child_run(enum child_job job, uint32_t argument) {
    struct child_shared *shared = side_shared();
    switch (job) {
    case CHILD_PRIMES:
        primes_work(&shared->primes);
        break;
    case CHILD_PONG:
        pingpong_answer(&shared->game, side_park_shared, side_unpark_shared);
        break;
    case CHILD_OPERATION:
        crew_work(&shared->crew, argument);
        break;
    }
}
