/*
 * Instructions of one operation when every CPU does it at once.
 *
 * The instruction clock is one for all CPUs, so the time from the first operation to the last end,
 * divided by all operations, is what one of them takes in instructions of any CPU: spinning, and
 * work for others, included. A PAUSE after each operation lets the emulator go on with the next
 * CPU; so do the timers that bench/machine.sh lets run out all the time, wherever a CPU stands.
 */
#include <stdatomic.h>

#include "bench/both/pingpong.h"
#include "bench/both/report.h"
#include "bench/both/run.h"
#include "bench/side.h"

#define WORKERS_MAX 8u
#define WARM_UP_ROUNDS 20u

struct worker {
    struct side_thread thread;
    const struct operation *operation;
    struct side_ring ring;
    struct pingpong game;
    volatile uint8_t *memory; /* a page for each round */
    uint32_t round;
    _Atomic uint32_t word;
};

static struct {
    _Atomic uint32_t ready_count, working_count;
    atomic_bool is_begun;
    uint64_t begin_tick, end_tick;
} crew;

static void once_null_request(struct worker *worker) {
    (void)worker;
    side_null_request();
}

static void once_ring_nop_batch32(struct worker *worker) {
    side_ring_nops(&worker->ring, 32);
}

static void once_yield_alone(struct worker *worker) {
    (void)worker;
    side_yield();
}

static void once_park_wake_nowaiter(struct worker *worker) {
    CHECK(side_unpark(&worker->word) == 0);
}

static void once_park_changed(struct worker *worker) {
    side_park(&worker->word, 1);
}

static void once_park_pingpong(struct worker *worker) {
    pingpong_play(&worker->game);
}

static void once_pagefault_first_touch(struct worker *worker) {
    worker->memory[(uint64_t)worker->round * PAGE_BYTES] = 1;
}

static void once_map_touch_unmap_1p(struct worker *worker) {
    (void)worker;
    volatile uint8_t *page = side_map(PAGE_BYTES);
    *page = 1;
    side_unmap(page, PAGE_BYTES);
}

static void once_protect_1p(struct worker *worker) {
    volatile uint8_t *page = worker->memory + PAGE_BYTES;
    side_protect(page, PAGE_BYTES, false);
    side_protect(page, PAGE_BYTES, true);
    *page = 1;
}

static void do_nothing(void *argument) {
    (void)argument;
}

static void once_thread_create_join(struct worker *worker) {
    struct side_thread thread;
    (void)worker;
    side_thread_start(&thread, do_nothing, NULL);
    side_thread_join(&thread);
}

static const struct operation {
    const char *name;
    void (*once)(struct worker *worker);
    uint32_t rounds;
} operations[] = {
#define OPERATION(name, rounds, words) {#name, once_##name, rounds},
#include "bench/cpus.def"
#undef OPERATION
};

static inline void pause_cpu(void) {
    __asm__ volatile("pause");
}

static void do_rounds(struct worker *worker, uint32_t count) {
    for (uint32_t round = 0; round < count; round++, worker->round++) {
        worker->operation->once(worker);
        pause_cpu();
    }
}

/* The last one to be ready takes the time and lets the others go; the last one to be done takes it
 * again. Those who wait yield, since a thread that is not ready yet may be on their CPU. */
static void work(void *argument) {
    struct worker *worker = argument;
    side_ring_open(&worker->ring);
    do_rounds(worker, WARM_UP_ROUNDS);
    if (atomic_fetch_sub(&crew.ready_count, 1) == 1) {
        crew.begin_tick = measure_tick();
        atomic_store(&crew.is_begun, true);
    }
    while (!atomic_load(&crew.is_begun)) {
        side_yield();
        pause_cpu();
    }
    do_rounds(worker, worker->operation->rounds);
    if (atomic_fetch_sub(&crew.working_count, 1) == 1) {
        crew.end_tick = measure_tick();
    }
    side_ring_close(&worker->ring);
}

static void prepare(struct worker *worker, const struct operation *operation) {
    const uint32_t rounds = WARM_UP_ROUNDS + operation->rounds;
    worker->operation = operation;
    worker->round = 0;
    worker->memory = side_map((uint64_t)rounds * PAGE_BYTES);
    if (operation->once == once_park_pingpong) {
        pingpong_begin(&worker->game, rounds);
    }
}

static void clean_up(struct worker *worker) {
    const uint32_t rounds = WARM_UP_ROUNDS + worker->operation->rounds;
    if (worker->operation->once == once_park_pingpong) {
        pingpong_end(&worker->game);
    }
    side_unmap(worker->memory, (uint64_t)rounds * PAGE_BYTES);
}

static uint64_t measure_operation(const struct operation *operation, uint32_t count) {
    static struct worker workers[WORKERS_MAX];
    atomic_store(&crew.ready_count, count);
    atomic_store(&crew.working_count, count);
    atomic_store(&crew.is_begun, false);
    for (uint32_t index = 0; index < count; index++) {
        prepare(&workers[index], operation);
    }
    for (uint32_t index = 0; index < count; index++) {
        side_thread_start(&workers[index].thread, work, &workers[index]);
    }
    for (uint32_t index = 0; index < count; index++) {
        side_thread_join(&workers[index].thread);
        clean_up(&workers[index]);
    }
    return crew.end_tick - crew.begin_tick;
}

void run_cpus(void) {
    const uint32_t count = side_cpu_count();
    CHECK(count <= WORKERS_MAX);
    for (size_t index = 0; index < sizeof operations / sizeof *operations; index++) {
        const uint64_t ticks = measure_operation(&operations[index], count);
        report_result_of_cpus("cpus", count, operations[index].name, ticks,
                              (uint64_t)count * operations[index].rounds);
    }
}
