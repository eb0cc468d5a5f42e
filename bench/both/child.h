#pragma once
/* What a process does that the program starts, itself again, to measure with several. */
#include "bench/both/crew.h"
#include "bench/both/pingpong.h"
#include "bench/both/primes.h"

enum child_job {
    CHILD_PRIMES,
    CHILD_PONG,
    CHILD_OPERATION, /* argument: which */
};

void child_run(enum child_job job, uint32_t argument);

/* What stands in side_shared(). */
struct child_shared {
    struct primes primes;
    struct pingpong game;
    struct crew crew;
};
