/* Entering the kernel: system calls one by one, and through io_uring. */
#include <string.h>

#include "bench/side.h"

#define CALL_UNKNOWN 4000
#define ENTRIES 64u

BENCH(null_syscall) {
    MEASURE(measure, 1, ROUNDS, CHECK(call_kernel_plainly(CALL_UNKNOWN) < 0));
}

static void *map_part(int file, size_t size, off_t offset) {
    void *address =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, offset);
    CHECK(address != MAP_FAILED);
    return address;
}

void side_ring_open(struct side_ring *ring) {
    struct io_uring_params parameters = {0};
    ring->file = (int)syscall(SYS_io_uring_setup, ENTRIES, &parameters);
    CHECK(ring->file >= 0 && (parameters.features & IORING_FEAT_SINGLE_MMAP) != 0);
    size_t size = parameters.cq_off.cqes + parameters.cq_entries * sizeof *ring->completions;
    char *rings = map_part(ring->file, size, IORING_OFF_SQ_RING);
    ring->entries = map_part(ring->file, ENTRIES * sizeof *ring->entries, IORING_OFF_SQES);
    ring->indices = (uint32_t *)(rings + parameters.sq_off.array);
    ring->entries_mask = *(uint32_t *)(rings + parameters.sq_off.ring_mask);
    ring->entries_tail = (_Atomic uint32_t *)(rings + parameters.sq_off.tail);
    ring->completions = (struct io_uring_cqe *)(rings + parameters.cq_off.cqes);
    ring->completions_mask = *(uint32_t *)(rings + parameters.cq_off.ring_mask);
    ring->completions_head = (_Atomic uint32_t *)(rings + parameters.cq_off.head);
    ring->completions_tail = (_Atomic uint32_t *)(rings + parameters.cq_off.tail);
}

void side_ring_close(struct side_ring *ring) {
    close(ring->file);
}
