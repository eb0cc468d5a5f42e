#include "kernel/sched/object_timer.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/sched/scheduler.h"

void object_timer_init(struct object_timer *timer, struct object *object,
                       void (*expire)(struct object *object)) {
    timer_node_init(&timer->node);
    timer->node.is_object = true;
    timer->cpu = cpu_current();
    timer->object = object;
    timer->expire = expire;
}

void object_timer_clear(struct object_timer *timer) {
    struct timers *timers = &timer->cpu->timers;
    spinlock_lock(&timers->lock);
    timer_queue_remove(&timers->queue, &timer->node);
    spinlock_unlock(&timers->lock);
}

void object_timer_set(struct object_timer *timer, uint64_t deadline_ns) {
    object_timer_clear(timer);
    if (deadline_ns == UINT64_MAX) {
        return;
    }
    struct cpu *cpu = cpu_current();
    timer->cpu = cpu;
    spinlock_lock(&cpu->timers.lock);
    timer_queue_insert(&cpu->timers.queue, &timer->node, deadline_ns);
    spinlock_unlock(&cpu->timers.lock);
    scheduler_arm(cpu);
}
