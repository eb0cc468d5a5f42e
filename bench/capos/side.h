#pragma once
/* bench/side.h for capOS, and the capabilities that bench/capos/bench.manifest.txt grants. */
#include <capos/capos.h>

#include "bench/measure.h"

extern struct capabilities {
    capos_cap_t console, timer, memory, spawner, system_info, thread_control, threads, shared_park;
    capos_cap_t shared; /* the object of side_shared(), as soon as there is one */
} capabilities;

#define READ CAPOS_PROTECTION_READ
#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)

static inline void side_null_request(void) {
    CHECK(capos_nop() == 0);
}

struct side_ring {
    struct capos_ring_client client;
};

static inline void side_ring_nops(struct side_ring *ring, uint32_t batch) {
    struct capos_completion completion;
    for (uint32_t index = 0; index < batch; index++) {
        capos_ring_prepare(&ring->client)->opcode = CAPOS_OP_NOP;
    }
    CHECK(capos_ring_enter(&ring->client, batch, CAPOS_FOREVER) == batch);
    for (uint32_t index = 0; index < batch; index++) {
        CHECK(capos_ring_take(&ring->client, &completion) && completion.result == 0);
    }
}

static inline void side_yield(void) {
    capos_thread_yield();
}

static inline volatile uint8_t *side_map(uint64_t size) {
    uint64_t address;
    CHECK(capos_virtual_memory_map(capabilities.memory, 0, size, READ_WRITE, &address) == 0);
    return (volatile uint8_t *)address;
}

static inline void side_unmap(volatile uint8_t *memory, uint64_t size) {
    CHECK(capos_virtual_memory_unmap(capabilities.memory, (uint64_t)memory, size) == 0);
}

static inline void side_protect(volatile uint8_t *memory, uint64_t size, bool writable) {
    CHECK(capos_virtual_memory_protect(capabilities.memory, (uint64_t)memory, size,
                                       writable ? READ_WRITE : READ) == 0);
}

static inline void side_decommit(volatile uint8_t *memory, uint64_t size) {
    CHECK(capos_virtual_memory_decommit(capabilities.memory, (uint64_t)memory, size) == 0);
}

static inline volatile uint8_t *side_reserve(uint64_t size) {
    uint64_t address;
    CHECK(capos_virtual_memory_reserve(capabilities.memory, 0, size, &address) == 0);
    return (volatile uint8_t *)address;
}

static inline void side_commit(volatile uint8_t *memory, uint64_t size) {
    CHECK(capos_virtual_memory_commit(capabilities.memory, (uint64_t)memory, size, READ_WRITE) ==
          0);
}

struct side_thread {
    struct capos_thread thread;
    void (*run)(void *argument);
    void *argument;
};

static inline void park_in(capos_cap_t space, _Atomic uint32_t *word, uint32_t expected) {
    const int64_t result =
        capos_park_in(space, (const volatile uint32_t *)word, expected, CAPOS_FOREVER);
    CHECK(result == 0 || result == CAPOS_E_VALUE_CHANGED);
}

static inline uint64_t unpark_in(capos_cap_t space, _Atomic uint32_t *word) {
    const int64_t result = capos_unpark_in(space, (const volatile uint32_t *)word, 1);
    CHECK(result == 0 || result == 1);
    return (uint64_t)result;
}

static inline void side_park(_Atomic uint32_t *word, uint32_t expected) {
    park_in(capos_park_space(), word, expected);
}

static inline uint64_t side_unpark(_Atomic uint32_t *word) {
    return unpark_in(capos_park_space(), word);
}

static inline void side_park_shared(_Atomic uint32_t *word, uint32_t expected) {
    park_in(capabilities.shared_park, word, expected);
}

static inline uint64_t side_unpark_shared(_Atomic uint32_t *word) {
    return unpark_in(capabilities.shared_park, word);
}

struct side_process {
    capos_cap_t capability;
};
