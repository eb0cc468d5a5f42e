#pragma once
/*
 * A deadline of an object, rather than of an operation: at most one at a time, in the timers of the
 * CPU that set it.
 *
 * Rules
 * - Set and cleared under the object's lock. While it is set somebody holds the object.
 * - `expire` is called without a lock, with a reference. It may come late: after the deadline was
 *   cleared or set anew.
 */
#include "core/timer_queue.h"
#include "kernel/cap/object.h"
#include "kernel/types.h"

struct cpu;

struct object_timer {
    struct timer_node node; /* guarded by timers->lock of the CPU */
    struct cpu *cpu;        /* guarded by the object's lock */
    struct object *object;
    void (*expire)(struct object *object);
};

void object_timer_init(struct object_timer *timer, struct object *object,
                       void (*expire)(struct object *object));
/* UINT64_MAX clears it. */
void object_timer_set(struct object_timer *timer, uint64_t deadline_ns);
void object_timer_clear(struct object_timer *timer);
