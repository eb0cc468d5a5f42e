#pragma once
/*
 * Threads, of one process or each of a process of its own, that all do one operation of
 * bench/cpus.def at the same time.
 */
#include <stdatomic.h>
#include <stdint.h>

struct crew {
    _Atomic uint32_t ready_count, working_count; /* those who are not yet, and still */
    atomic_bool is_begun;
    uint64_t begin_tick, end_tick;
};

void crew_init(struct crew *crew, uint32_t count);

/* Does the operation as one of the crew: returns when all its rounds are done. */
void crew_work(struct crew *crew, uint32_t operation);

/* The operations; index < CREW_OPERATIONS. */
enum {
#define OPERATION(name, rounds, words) CREW_##name,
#include "bench/cpus.def"
#undef OPERATION
    CREW_OPERATIONS
};
const char *crew_operation_name(uint32_t operation);
uint32_t crew_operation_rounds(uint32_t operation);
