#pragma once
/*
 * What one CPU has to run, by priority: 32 bands, first come first served within a band. Another
 * CPU can tell from two words whether there is something for it to take.
 *
 * Rules
 * - The caller holds the queue's lock, but for `bands` and `movable`, and a node's band and CPUs,
 *   which may be read at any time. Nothing is allocated.
 * - A node's band and CPUs, of which the queue's is one, are set by the caller, and do not change
 *   while it is queued.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/assert.h"

#define READY_BANDS 32u

struct ready_node {
    struct ready_node *next, *previous; /* previous: not of the first */
    _Atomic uint64_t cpus;              /* bit n: may run on CPU n */
    _Atomic uint32_t band;              /* larger is more urgent */
    bool is_queued;
};

struct ready_queue {
    _Atomic uint32_t bands;   /* bit n: somebody is in band n */
    _Atomic uint32_t movable; /* bit n: perhaps one of them may run on another CPU; else none */
    uint64_t own_cpu;         /* the bit of the CPU whose queue it is */
    struct {
        struct ready_node *first, *last; /* last: not of an empty band */
    } lists[READY_BANDS];
};

void ready_queue_init(struct ready_queue *queue, uint32_t cpu);

static inline uint32_t ready_band(const struct ready_node *node) {
    return atomic_load_explicit(&node->band, memory_order_relaxed);
}
static inline uint64_t ready_cpus(const struct ready_node *node) {
    return atomic_load_explicit(&node->cpus, memory_order_relaxed);
}

/* The most urgent of the bands in a non-zero word such as `bands`. */
static inline uint32_t ready_top_band(uint32_t bands) {
    return 31u - (uint32_t)__builtin_clz(bands);
}

/* Only the lock's holder writes the words: plain loads and stores. */
static inline void ready_set_band(_Atomic uint32_t *word, uint32_t band) {
    uint32_t bands = atomic_load_explicit(word, memory_order_relaxed);
    atomic_store_explicit(word, bands | 1u << band, memory_order_relaxed);
}
static inline void ready_clear_band(_Atomic uint32_t *word, uint32_t band) {
    uint32_t bands = atomic_load_explicit(word, memory_order_relaxed);
    atomic_store_explicit(word, bands & ~(1u << band), memory_order_relaxed);
}

/* At the end of its band. band and cpus are the node's: who inserts has looked at them. */
static inline void ready_queue_insert(struct ready_queue *queue, struct ready_node *node,
                                      uint32_t band, uint64_t cpus) {
    ASSERT(!node->is_queued);
    node->is_queued = true;
    node->next = NULL;
    if (queue->lists[band].first == NULL) {
        queue->lists[band].first = node;
        ready_set_band(&queue->bands, band);
    } else {
        node->previous = queue->lists[band].last;
        node->previous->next = node;
    }
    queue->lists[band].last = node;
    if (cpus != queue->own_cpu) {
        ready_set_band(&queue->movable, band);
    }
}

/* Takes the most urgent node, of these the one that came first; NULL when there is none. */
static inline struct ready_node *ready_queue_take(struct ready_queue *queue) {
    uint32_t bands = atomic_load_explicit(&queue->bands, memory_order_relaxed);
    if (bands == 0) {
        return NULL;
    }
    uint32_t band = ready_top_band(bands);
    struct ready_node *node = queue->lists[band].first;
    node->is_queued = false;
    queue->lists[band].first = node->next;
    if (node->next == NULL) {
        ready_clear_band(&queue->bands, band);
        ready_clear_band(&queue->movable, band);
    }
    return node;
}

/* Takes out a node that is in this queue. */
void ready_queue_remove(struct ready_queue *queue, struct ready_node *node);

/*
 * The most urgent node that may run on one of these CPUs besides its own, and is in bands `least`
 * to `most`; of these the one that came first. Looks at so many nodes at most. NULL when it finds
 * none.
 */
struct ready_node *ready_queue_find_movable(struct ready_queue *queue, uint64_t cpus,
                                            uint32_t least, uint32_t most, uint32_t looks);

void ready_queue_check(const struct ready_queue *queue);
