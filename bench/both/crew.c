#include "bench/both/crew.h"

#include "bench/both/pingpong.h"

#define WARM_UP_ROUNDS 20u

struct worker {
    struct side_ring ring;
    struct side_thread partner;
    struct pingpong game;
    volatile uint8_t *memory; /* a page for each round */
    uint32_t round;
    _Atomic uint32_t word;
};

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
    pingpong_play(&worker->game, side_park, side_unpark);
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

const char *crew_operation_name(uint32_t operation) {
    return operations[operation].name;
}

uint32_t crew_operation_rounds(uint32_t operation) {
    return operations[operation].rounds;
}

static inline void pause_cpu(void) {
    __asm__ volatile("pause");
}

/* The pause lets the emulator go on with the next CPU. */
static void do_rounds(struct worker *worker, const struct operation *operation, uint32_t count) {
    for (uint32_t round = 0; round < count; round++, worker->round++) {
        operation->once(worker);
        pause_cpu();
    }
}

static void prepare(struct worker *worker, const struct operation *operation, uint32_t rounds) {
    *worker = (struct worker){.memory = side_map((uint64_t)rounds * PAGE_BYTES)};
    side_ring_open(&worker->ring);
    if (operation->once == once_park_pingpong) {
        pingpong_init(&worker->game, rounds);
        side_thread_start(&worker->partner, pingpong_answer_in_thread, &worker->game);
    }
}

static void clean_up(struct worker *worker, const struct operation *operation, uint32_t rounds) {
    if (operation->once == once_park_pingpong) {
        side_thread_join(&worker->partner);
    }
    side_ring_close(&worker->ring);
    side_unmap(worker->memory, (uint64_t)rounds * PAGE_BYTES);
}

/* The last one to be ready takes the time and lets the others go. Who waits yields, since one who
 * is not ready yet may be on the same CPU. */
static void begin(struct crew *crew) {
    if (atomic_fetch_sub(&crew->ready_count, 1) == 1) {
        crew->begin_tick = measure_tick();
        atomic_store(&crew->is_begun, true);
    }
    while (!atomic_load(&crew->is_begun)) {
        side_yield();
        pause_cpu();
    }
}

/* The last one to be done takes the time again. */
static void end(struct crew *crew) {
    if (atomic_fetch_sub(&crew->working_count, 1) == 1) {
        crew->end_tick = measure_tick();
    }
}

void crew_init(struct crew *crew, uint32_t count) {
    atomic_init(&crew->ready_count, count);
    atomic_init(&crew->working_count, count);
    atomic_init(&crew->is_begun, false);
}

void crew_work(struct crew *crew, uint32_t operation_index) {
    const struct operation *operation = &operations[operation_index];
    const uint32_t rounds = WARM_UP_ROUNDS + operation->rounds;
    struct worker worker;
    prepare(&worker, operation, rounds);
    do_rounds(&worker, operation, WARM_UP_ROUNDS);
    begin(crew);
    do_rounds(&worker, operation, operation->rounds);
    end(crew);
    clean_up(&worker, operation, rounds);
}
