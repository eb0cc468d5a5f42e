#pragma once
/*
 * What the sources in bench/both need of a side. What is measured is inline, so that it costs what
 * the system costs; an operation that fails ends the run.
 */
#include "bench/measure.h"

/* Before all else; arguments are those of main. Returns what to measure. In a process of
 * side_process_start it does not return. */
const char *side_open(int argc, char **argv);
void side_write(const char *text, size_t size);
/* Ends the machine. */
_Noreturn void side_close(int code);

uint32_t side_cpu_count(void);
uint64_t side_now_ns(void);

static inline void side_null_request(void);
static inline void side_yield(void);

/* A queue of requests to the kernel, for the thread that opened it. */
struct side_ring;
void side_ring_open(struct side_ring *ring);
void side_ring_close(struct side_ring *ring);
/* Submits so many requests that do nothing, in one go, and takes their completions. At most 32. */
static inline void side_ring_nops(struct side_ring *ring, uint32_t batch);

/* Readable and writable where the words do not say otherwise. */
static inline volatile uint8_t *side_map(uint64_t size);
static inline void side_unmap(volatile uint8_t *memory, uint64_t size);
static inline void side_protect(volatile uint8_t *memory, uint64_t size, bool writable);
static inline void side_decommit(volatile uint8_t *memory, uint64_t size);
static inline volatile uint8_t *side_reserve(uint64_t size); /* not accessible */
static inline void side_commit(volatile uint8_t *memory, uint64_t size);

/* A thread is joined once; until then the record is the side's. */
struct side_thread;
void side_thread_start(struct side_thread *thread, void (*run)(void *argument), void *argument);
void side_thread_join(struct side_thread *thread);

/* Returns when the word is not, or no longer, as expected. */
static inline void side_park(_Atomic uint32_t *word, uint32_t expected);
/* Wakes one waiter and says how many there were: 0 or 1. */
static inline uint64_t side_unpark(_Atomic uint32_t *word);

/* As the two before, for a word of side_shared(). */
static inline void side_park_shared(_Atomic uint32_t *word, uint32_t expected);
static inline uint64_t side_unpark_shared(_Atomic uint32_t *word);

/* A page of memory, zero at first, that all processes of side_process_start share with their
 * maker. */
void *side_shared(void);

/* A process that calls child_run(job, argument). It is joined once, and must have ended well. */
struct side_process;
void side_process_start(struct side_process *process, uint32_t job, uint32_t argument);
void side_process_join(struct side_process *process);

/* There and back are two yields and two switches. */
void measure_yields_2threads(struct measure *measure);

#ifdef __capos__
#include "bench/capos/side.h"
#else
#include "bench/linux/side.h"
#endif
