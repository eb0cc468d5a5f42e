/* Entering the kernel: the two forms of cap_enter. */
#include "bench/capos/side.h"

BENCH(null_syscall) {
    MEASURE(measure, 1, ROUNDS, CHECK(capos_enter(0, 0, CAPOS_POLL) == 0));
}

BENCH(null_request) {
    MEASURE(measure, 1, ROUNDS, CHECK(capos_nop() == 0));
}

static void submit(struct capos_ring_client *ring, uint32_t batch) {
    struct capos_completion completion;
    for (uint32_t index = 0; index < batch; index++) {
        capos_ring_prepare(ring)->opcode = CAPOS_OP_NOP;
    }
    CHECK(capos_ring_enter(ring, batch, CAPOS_FOREVER) == batch);
    for (uint32_t index = 0; index < batch; index++) {
        CHECK(capos_ring_take(ring, &completion) && completion.result == 0);
    }
}

static void measure_batches(struct measure *measure, uint32_t batch) {
    struct capos_ring_client ring;
    capos_ring_open(&ring);
    MEASURE(measure, batch, ROUNDS, submit(&ring, batch));
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
