/* Entering the kernel: the smallest request, alone and in a ring; and yielding. */
#include "bench/side.h"

BENCH(null_request) {
    MEASURE(measure, 1, ROUNDS, side_null_request());
}

static void measure_batches(struct measure *measure, uint32_t batch) {
    struct side_ring ring;
    side_ring_open(&ring);
    MEASURE(measure, batch, ROUNDS, side_ring_nops(&ring, batch));
    side_ring_close(&ring);
}

BENCH(ring_nop_batch1) {
    measure_batches(measure, 1);
}

BENCH(ring_nop_batch8) {
    measure_batches(measure, 8);
}

BENCH(ring_nop_batch32) {
    measure_batches(measure, 32);
}

BENCH(yield_alone) {
    MEASURE(measure, 1, ROUNDS, side_yield());
}
