/* Entering the kernel: system calls one by one, and through io_uring. */
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/measure.h"

#define CALL_UNKNOWN 4000
#define ENTRIES 64u

/* Without errno, which is the C library's. */
static long call_kernel(long number) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number) : "rcx", "r11", "memory");
    return result;
}

BENCH(null_syscall) {
    MEASURE(measure, 1, ROUNDS, CHECK(call_kernel(CALL_UNKNOWN) < 0));
}

BENCH(null_request) {
    MEASURE(measure, 1, ROUNDS, CHECK(call_kernel(SYS_getppid) == 0));
}

struct uring {
    int file;
    uint32_t entries_mask, completions_mask;
    _Atomic uint32_t *entries_tail, *completions_head, *completions_tail;
    uint32_t *indices;
    struct io_uring_sqe *entries;
    struct io_uring_cqe *completions;
};

static void *map_ring(int file, size_t size, off_t offset) {
    void *address =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, offset);
    CHECK(address != MAP_FAILED);
    return address;
}

static void uring_open(struct uring *uring) {
    struct io_uring_params parameters = {0};
    uring->file = (int)syscall(SYS_io_uring_setup, ENTRIES, &parameters);
    CHECK(uring->file >= 0 && (parameters.features & IORING_FEAT_SINGLE_MMAP) != 0);
    size_t size = parameters.cq_off.cqes + parameters.cq_entries * sizeof *uring->completions;
    char *rings = map_ring(uring->file, size, IORING_OFF_SQ_RING);
    uring->entries = map_ring(uring->file, ENTRIES * sizeof *uring->entries, IORING_OFF_SQES);
    uring->indices = (uint32_t *)(rings + parameters.sq_off.array);
    uring->entries_mask = *(uint32_t *)(rings + parameters.sq_off.ring_mask);
    uring->entries_tail = (_Atomic uint32_t *)(rings + parameters.sq_off.tail);
    uring->completions = (struct io_uring_cqe *)(rings + parameters.cq_off.cqes);
    uring->completions_mask = *(uint32_t *)(rings + parameters.cq_off.ring_mask);
    uring->completions_head = (_Atomic uint32_t *)(rings + parameters.cq_off.head);
    uring->completions_tail = (_Atomic uint32_t *)(rings + parameters.cq_off.tail);
}

static void submit(struct uring *uring, uint32_t batch) {
    uint32_t tail = atomic_load_explicit(uring->entries_tail, memory_order_relaxed);
    for (uint32_t index = 0; index < batch; index++, tail++) {
        uint32_t place = tail & uring->entries_mask;
        uring->entries[place] = (struct io_uring_sqe){.opcode = IORING_OP_NOP};
        uring->indices[place] = place;
    }
    atomic_store_explicit(uring->entries_tail, tail, memory_order_release);
    CHECK(syscall(SYS_io_uring_enter, uring->file, batch, batch, IORING_ENTER_GETEVENTS, NULL, 0) ==
          batch);
    uint32_t head = atomic_load_explicit(uring->completions_head, memory_order_relaxed);
    CHECK(atomic_load_explicit(uring->completions_tail, memory_order_acquire) - head == batch);
    for (uint32_t index = 0; index < batch; index++, head++) {
        CHECK(uring->completions[head & uring->completions_mask].res == 0);
    }
    atomic_store_explicit(uring->completions_head, head, memory_order_release);
}

static void measure_batches(struct measure *measure, uint32_t batch) {
    struct uring uring;
    uring_open(&uring);
    MEASURE(measure, batch, ROUNDS, submit(&uring, batch));
    close(uring.file);
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
