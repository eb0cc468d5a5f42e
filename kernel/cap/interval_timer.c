#include "interval_timer.h"

#include "core/interval.h"
#include "kernel/arch/x86_64/clock.h"
#include "kernel/cap/interval_object.h"
#include "kernel/mm/frame.h"
#include "kernel/ring/operation.h"
#include "kernel/sched/object_timer.h"
#include "kernel/sched/process.h"

struct interval_timer {
    struct object object;
    struct process *process; /* charged for the frame; holds a reference */
    struct spinlock lock;    /* guards the rest; comes before ring_lock */
    struct interval interval;
    struct operation_queue waiters;
    struct object_timer timer; /* set while somebody waits */
};

static struct interval_timer *timer_of(struct object *object) {
    return container_of(object, struct interval_timer, object);
}

static void destroy_interval(struct object *object) {
    struct process *process = timer_of(object)->process;
    frame_free(direct_map_paddr(timer_of(object)));
    process_refund_lasting(process, 1);
    object_unref(&process->object);
}

static const struct object_type interval_type = {"IntervalTimer", destroy_interval};

/* Tells the first of those who wait what there is to tell, and sets the timer for the next. */
static void serve_waiters(struct object *object) {
    struct interval_timer *timer = timer_of(object);
    struct operation *operation = NULL;
    uint64_t count = 0, now_ns = clock_now_ns();
    spinlock_lock(&timer->lock);
    if (interval_pending(&timer->interval, now_ns) > 0) {
        operation = operation_queue_claim_first(&timer->waiters);
        count = operation == NULL ? 0 : interval_take(&timer->interval, now_ns);
    }
    bool is_awaited = timer->waiters.first != NULL;
    object_timer_set(&timer->timer, is_awaited ? interval_next(&timer->interval) : INTERVAL_NEVER);
    spinlock_unlock(&timer->lock);
    if (operation != NULL) {
        operation_complete(operation, CAPOS_OK, count);
    }
}

bool interval_period_is_valid(uint64_t period_ns) {
    return period_ns == 0 || period_ns >= CAPOS_INTERVAL_PERIOD_NS_MIN;
}

status_t interval_create(struct process *process, uint64_t first_ns, uint64_t period_ns,
                         struct object **object_out) {
    status_t status = process_charge_lasting(process, 1);
    if (status != CAPOS_OK) {
        return status;
    }
    paddr_t frame = frame_alloc_zeroed();
    if (paddr_is_none(frame)) {
        process_refund_lasting(process, 1);
        return CAPOS_E_NO_MEMORY;
    }
    struct interval_timer *timer = direct_map(frame);
    object_init(&timer->object, &interval_type);
    object_ref(&process->object);
    timer->process = process;
    spinlock_init(&timer->lock);
    timer->interval = (struct interval){.first_ns = first_ns, .period_ns = period_ns};
    object_timer_init(&timer->timer, &timer->object, serve_waiters);
    *object_out = &timer->object;
    return CAPOS_OK;
}

static void unlink_waiter(struct operation *operation) {
    struct interval_timer *timer = timer_of(operation->object);
    spinlock_lock(&timer->lock);
    operation_queue_remove(&timer->waiters, operation);
    if (timer->waiters.first == NULL) {
        object_timer_clear(&timer->timer);
    }
    spinlock_unlock(&timer->lock);
}

status_t interval_timer_decode_wait(struct call *call,
                                    const struct capos_interval_timer_wait_params *params) {
    return CAPOS_OK;
}

void interval_timer_invoke_wait(struct call *call,
                                struct capos_interval_timer_wait_results *results) {
    struct interval_timer *timer = timer_of(call->object);
    struct operation *operation = call->operation;
    spinlock_lock(&timer->lock);
    bool is_first = timer->waiters.first == NULL;
    if (is_first) {
        results->expirations = interval_take(&timer->interval, clock_now_ns());
    }
    if (!is_first || results->expirations == 0) {
        operation->object = object_ref(call->object);
        operation->unlink = unlink_waiter;
        operation_queue_append(&timer->waiters, operation);
        call_pend(call);
        operation_arm(operation);
        if (is_first) {
            object_timer_set(&timer->timer, interval_next(&timer->interval));
        }
    }
    spinlock_unlock(&timer->lock);
}

static void replace(struct interval_timer *timer, struct interval interval) {
    spinlock_lock(&timer->lock);
    timer->interval = interval;
    spinlock_unlock(&timer->lock);
    serve_waiters(&timer->object);
}

status_t interval_timer_decode_set(struct call *call,
                                   const struct capos_interval_timer_set_params *params) {
    call->decoded[0] = params->first_ns;
    call->decoded[1] = params->period_ns;
    return interval_period_is_valid(params->period_ns)
               ? CAPOS_OK
               : call_refuse(call, CAPOS_E_INVALID_ARGUMENT, 2);
}

void interval_timer_invoke_set(struct call *call,
                               struct capos_interval_timer_set_results *results) {
    replace(timer_of(call->object),
            (struct interval){.first_ns = call->decoded[0], .period_ns = call->decoded[1]});
}

status_t interval_timer_decode_stop(struct call *call,
                                    const struct capos_interval_timer_stop_params *params) {
    return CAPOS_OK;
}

void interval_timer_invoke_stop(struct call *call,
                                struct capos_interval_timer_stop_results *results) {
    replace(timer_of(call->object), (struct interval){.first_ns = INTERVAL_NEVER});
}
