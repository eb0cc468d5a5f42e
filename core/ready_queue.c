#include "core/ready_queue.h"

void ready_queue_init(struct ready_queue *queue, uint32_t cpu) {
    *queue = (struct ready_queue){.own_cpu = UINT64_C(1) << cpu};
}

void ready_queue_remove(struct ready_queue *queue, struct ready_node *node) {
    uint32_t band = ready_band(node);
    ASSERT(node->is_queued);
    node->is_queued = false;
    if (queue->lists[band].first == node) {
        queue->lists[band].first = node->next;
    } else {
        node->previous->next = node->next;
    }
    if (node->next != NULL) {
        node->next->previous = node->previous;
    } else {
        queue->lists[band].last = node->previous;
    }
    if (queue->lists[band].first == NULL) {
        ready_clear_band(&queue->bands, band);
        ready_clear_band(&queue->movable, band);
    }
}

struct ready_node *ready_queue_find_movable(struct ready_queue *queue, uint64_t cpus,
                                            uint32_t least, uint32_t most, uint32_t looks) {
    ASSERT(least <= most && most < READY_BANDS);
    uint32_t bands = atomic_load_explicit(&queue->movable, memory_order_relaxed);
    bands &= UINT32_MAX << least & UINT32_MAX >> (READY_BANDS - 1 - most);
    for (; bands != 0; bands &= ~(1u << ready_top_band(bands))) {
        uint32_t band = ready_top_band(bands);
        bool has_movable = false;
        for (struct ready_node *node = queue->lists[band].first; node != NULL; node = node->next) {
            if (looks-- == 0) {
                return NULL;
            }
            if (ready_cpus(node) != queue->own_cpu) {
                has_movable = true;
                if ((ready_cpus(node) & cpus) != 0) {
                    return node;
                }
            }
        }
        if (!has_movable) {
            ready_clear_band(&queue->movable, band); /* nobody need look here again */
        }
    }
    return NULL;
}

void ready_queue_check(const struct ready_queue *queue) {
    for (uint32_t band = 0; band < READY_BANDS; band++) {
        const struct ready_node *first = queue->lists[band].first, *previous = NULL;
        bool has_movable = false;
        for (const struct ready_node *node = first; node != NULL; node = node->next) {
            ASSERT(node->is_queued && ready_band(node) == band);
            ASSERT(previous == NULL || node->previous == previous);
            ASSERT((ready_cpus(node) & queue->own_cpu) != 0);
            has_movable = has_movable || ready_cpus(node) != queue->own_cpu;
            previous = node;
        }
        ASSERT(first == NULL || queue->lists[band].last == previous);
        uint32_t bands = atomic_load_explicit(&queue->bands, memory_order_relaxed);
        uint32_t movable = atomic_load_explicit(&queue->movable, memory_order_relaxed);
        ASSERT((bands >> band & 1) == (first != NULL));
        ASSERT(!has_movable || (movable >> band & 1) != 0);
        ASSERT((movable & ~bands) == 0);
    }
}
