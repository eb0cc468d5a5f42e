/* Entering the kernel: cap_enter, and a thread's ring. */
#include "bench/side.h"

BENCH(null_syscall) {
    MEASURE(measure, 1, ROUNDS, CHECK(capos_enter(0, 0, CAPOS_POLL) == 0));
}

void side_ring_open(struct side_ring *ring) {
    capos_ring_open(&ring->client);
}

void side_ring_close(struct side_ring *ring) {
    (void)ring;
}
