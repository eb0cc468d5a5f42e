#include "kernel/sched/run_queue.h"

#include "kernel/sched/thread.h"

/* Whoever looks for a thread that may move looks at so many: no step of the kernel is long. */
#define LOOKS_MAX 512u

static struct thread *thread_of(struct ready_node *node) {
    return node == NULL ? NULL : container_of(node, struct thread, ready);
}

void run_queue_init(struct run_queue *queue, uint32_t cpu) {
    spinlock_init(&queue->lock);
    ready_queue_init(&queue->ready, cpu);
}

/* Under the lock. False when it may not run here. */
static inline bool insert(struct run_queue *queue, struct thread *thread, struct placed *placed) {
    placed->band = ready_band(&thread->ready);
    placed->cpus = ready_cpus(&thread->ready);
    if ((placed->cpus & queue->ready.own_cpu) == 0) {
        return false;
    }
    ready_queue_insert(&queue->ready, &thread->ready, placed->band, placed->cpus);
    return true;
}

inline struct placed run_queue_insert(struct run_queue *queue, struct thread *thread) {
    struct placed placed;
    spinlock_lock(&queue->lock);
    if (!insert(queue, thread, &placed)) {
        placed.cpus = 0;
    }
    spinlock_unlock(&queue->lock);
    return placed;
}

inline struct thread *run_queue_take_turns(struct run_queue *queue, struct thread *thread) {
    struct thread *next = NULL;
    struct placed placed;
    spinlock_lock(&queue->lock);
    if (insert(queue, thread, &placed)) {
        next = thread_of(ready_queue_take(&queue->ready));
    }
    spinlock_unlock(&queue->lock);
    return next;
}

inline struct thread *run_queue_take(struct run_queue *queue) {
    spinlock_lock(&queue->lock);
    struct ready_node *node = ready_queue_take(&queue->ready);
    spinlock_unlock(&queue->lock);
    return thread_of(node);
}

struct thread *run_queue_steal(struct run_queue *queue, uint32_t cpu, uint32_t least) {
    spinlock_lock(&queue->lock);
    struct ready_node *node = ready_queue_find_movable(&queue->ready, UINT64_C(1) << cpu, least,
                                                       READY_BANDS - 1, LOOKS_MAX);
    struct thread *thread = thread_of(node);
    if (thread != NULL) {
        ready_queue_remove(&queue->ready, node);
        atomic_store_explicit(&thread->home, cpu, memory_order_relaxed);
    }
    spinlock_unlock(&queue->lock);
    return thread;
}

struct placed run_queue_find_movable(struct run_queue *queue, uint64_t cpus, uint32_t most) {
    struct placed placed = {0};
    spinlock_lock(&queue->lock);
    const struct ready_node *node =
        ready_queue_find_movable(&queue->ready, cpus, 0, most, LOOKS_MAX);
    if (node != NULL) {
        placed = (struct placed){ready_band(node), ready_cpus(node)};
    }
    spinlock_unlock(&queue->lock);
    return placed;
}

void run_queue_hand_over(struct run_queue *queue, struct thread *thread, uint32_t home) {
    spinlock_lock(&queue->lock);
    ASSERT(!thread->ready.is_queued);
    atomic_store_explicit(&thread->home, home, memory_order_relaxed);
    spinlock_unlock(&queue->lock);
}

bool run_queue_change(struct run_queue *queue, struct thread *thread, struct placed placed,
                      bool *was_queued) {
    spinlock_lock(&queue->lock);
    uint32_t home = atomic_load_explicit(&thread->home, memory_order_relaxed);
    bool is_home = (queue->ready.own_cpu >> home & 1) != 0;
    if (is_home) {
        *was_queued = thread->ready.is_queued;
        if (*was_queued) {
            ready_queue_remove(&queue->ready, &thread->ready);
        }
        atomic_store_explicit(&thread->ready.band, placed.band, memory_order_relaxed);
        atomic_store_explicit(&thread->ready.cpus, placed.cpus, memory_order_relaxed);
    }
    spinlock_unlock(&queue->lock);
    return is_home;
}

void timers_init(struct timers *timers) {
    spinlock_init(&timers->lock);
    timer_queue_init(&timers->queue);
}
