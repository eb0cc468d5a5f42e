#include "kernel/sched/run_queue.h"

#include "kernel/sched/thread.h"

void run_queue_init(struct run_queue *queue) {
    spinlock_init(&queue->lock);
}

inline void run_queue_insert(struct run_queue *queue, struct thread *thread) {
    uint32_t band = thread->band;
    spinlock_lock(&queue->lock);
    ASSERT(!thread->queued);
    thread->queued = true;
    thread->queue_next = NULL;
    if (queue->last[band] != NULL) {
        queue->last[band]->queue_next = thread;
    } else {
        queue->first[band] = thread;
        atomic_fetch_or_explicit(&queue->bitmap, 1u << band, memory_order_relaxed);
    }
    queue->last[band] = thread;
    atomic_fetch_add_explicit(&queue->count, 1, memory_order_relaxed);
    spinlock_unlock(&queue->lock);
}

inline struct thread *run_queue_take(struct run_queue *queue) {
    /* A stale count costs nothing: whoever inserts sends an interrupt to a CPU that idles, or takes
     * from this queue next. */
    if (atomic_load_explicit(&queue->count, memory_order_relaxed) == 0) {
        return NULL;
    }
    struct thread *thread = NULL;
    spinlock_lock(&queue->lock);
    uint32_t bitmap = atomic_load_explicit(&queue->bitmap, memory_order_relaxed);
    if (bitmap != 0) {
        uint32_t band = 31u - (uint32_t)__builtin_clz(bitmap);
        thread = queue->first[band];
        queue->first[band] = thread->queue_next;
        if (queue->first[band] == NULL) {
            queue->last[band] = NULL;
            atomic_fetch_and_explicit(&queue->bitmap, ~(1u << band), memory_order_relaxed);
        }
        thread->queued = false;
        atomic_fetch_sub_explicit(&queue->count, 1, memory_order_relaxed);
    }
    spinlock_unlock(&queue->lock);
    return thread;
}

void timers_init(struct timers *timers) {
    spinlock_init(&timers->lock);
    timer_queue_init(&timers->queue);
}
