#pragma once
/* A ring of bench/side.h: that of io_uring. */
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/measure.h"

struct side_ring {
    int file;
    uint32_t entries_mask, completions_mask;
    _Atomic uint32_t *entries_tail, *completions_head, *completions_tail;
    uint32_t *indices;
    struct io_uring_sqe *entries;
    struct io_uring_cqe *completions;
};

static inline void side_ring_nops(struct side_ring *ring, uint32_t batch) {
    uint32_t tail = atomic_load_explicit(ring->entries_tail, memory_order_relaxed);
    for (uint32_t index = 0; index < batch; index++, tail++) {
        uint32_t place = tail & ring->entries_mask;
        ring->entries[place] = (struct io_uring_sqe){.opcode = IORING_OP_NOP};
        ring->indices[place] = place;
    }
    atomic_store_explicit(ring->entries_tail, tail, memory_order_release);
    CHECK(syscall(SYS_io_uring_enter, ring->file, batch, batch, IORING_ENTER_GETEVENTS, NULL, 0) ==
          batch);
    uint32_t head = atomic_load_explicit(ring->completions_head, memory_order_relaxed);
    CHECK(atomic_load_explicit(ring->completions_tail, memory_order_acquire) - head == batch);
    for (uint32_t index = 0; index < batch; index++, head++) {
        CHECK(ring->completions[head & ring->completions_mask].res == 0);
    }
    atomic_store_explicit(ring->completions_head, head, memory_order_release);
}
