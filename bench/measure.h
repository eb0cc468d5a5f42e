#pragma once
/*
 * How both sides measure: pairs of time-stamp counter readings round an operation.
 *
 * Under QEMU's instruction clock (-icount shift=0) the counter advances by one for each guest
 * instruction, the kernel's included, and by the distance to the next timer while the CPU idles.
 *
 *   BENCH(yield_alone) {
 *       MEASURE(measure, 1, ROUNDS, yield());
 *   }
 *
 * Rules
 * - Nothing is printed before all is measured: output would come back as interrupts.
 * - A sample may span an interrupt of the clock, so the median counts; the minimum is kept beside
 *   it.
 * - An operation that fails ends the run: CHECK.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES 4096u
#define ROUNDS 201u       /* of what is quick; odd, so that the median is a sample */
#define ROUNDS_FEW 51u    /* of what takes long */
#define ROUNDS_WARM_UP 8u /* come first and do not count */

struct measure {
    uint32_t count;
    uint32_t operations; /* in one sample; the result is divided by it */
    uint64_t overhead;   /* of a pair of readings, subtracted from each sample */
    uint64_t samples[ROUNDS];
};

/* One function for each metric of bench/metrics.def that a side has. */
#define BENCH(name) void bench_##name(struct measure *measure)
#define METRIC(name, class, goal, words) __attribute__((weak)) BENCH(name);
#include "bench/metrics.def"
#undef METRIC

/* All in assembly, so that a pair costs the same with every compiler. */
static inline uint64_t measure_tick(void) {
    uint64_t ticks;
    __asm__ volatile("rdtsc\n\tshlq $32, %%rdx\n\torq %%rdx, %0"
                     : "=a"(ticks)
                     :
                     : "rdx", "cc", "memory");
    return ticks;
}

/* Takes a value that was found otherwise. count < ROUNDS. */
static inline void measure_add(struct measure *measure, uint64_t value) {
    measure->samples[measure->count++] = value;
}

/* One sample for each of the rounds; each does so many operations. */
#define MEASURE(measure, operations_each, rounds, operation)                                       \
    do {                                                                                           \
        (measure)->operations = (operations_each);                                                 \
        for (uint32_t measure_round = 0; measure_round < ROUNDS_WARM_UP + (rounds);                \
             measure_round++) {                                                                    \
            const uint64_t measure_from = measure_tick();                                          \
            operation;                                                                             \
            const uint64_t measure_to = measure_tick();                                            \
            if (measure_round >= ROUNDS_WARM_UP) {                                                 \
                measure_add(measure, measure_to - measure_from - (measure)->overhead);             \
            }                                                                                      \
        }                                                                                          \
    } while (0)

/* Ends the run with a line that names the place, unless the operation did what it should. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            measure_fail(__FILE_NAME__, __LINE__, #condition);                                     \
        }                                                                                          \
    } while (0)
_Noreturn void measure_fail(const char *file, int line, const char *condition);
