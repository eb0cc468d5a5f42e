#include "timer.h"

#include "interval_timer.h"
#include "kernel/arch/x86_64/clock.h"
#include "kernel/cap/interval_object.h"
#include "kernel/cap/object.h"
#include "kernel/cap/process_exit.h"
#include "kernel/dev/wall_clock.h"
#include "kernel/ring/operation.h"
#include "kernel/sched/process.h"

/* There is one clock, and everybody who was granted it shares the object. */
static const struct object_type timer_type = {"Timer", NULL};
static struct object timer = {&timer_type, 1};

static const char facet_monotonic[] = "monotonic";
#define BADGE_MONOTONIC 1u /* of that facet */

bool process_is_timer(const void *interface) {
    return interface == &timer_interface;
}

status_t timer_grant(struct process *process, struct object *source, uint64_t source_badge,
                     struct wire_text facet, struct object **object_out, uint64_t *badge_out) {
    bool is_monotonic = facet.length == sizeof facet_monotonic - 1 &&
                        memcmp(facet.data, facet_monotonic, facet.length) == 0;
    if (facet.length != 0 && !is_monotonic) {
        return CAPOS_E_NOT_PERMITTED;
    }
    *object_out = object_ref(&timer);
    *badge_out = is_monotonic ? BADGE_MONOTONIC : source_badge;
    return CAPOS_OK;
}

status_t timer_decode_now(struct call *call, const struct capos_timer_now_params *params) {
    return CAPOS_OK;
}

void timer_invoke_now(struct call *call, struct capos_timer_now_results *results) {
    results->monotonic_ns = clock_now_ns();
}

status_t timer_decode_sleep(struct call *call, const struct capos_timer_sleep_params *params) {
    struct operation *operation = call->operation;
    /* The deadline of the operation, if it comes first, ends the sleep with timedOut. */
    operation->deadline_is_success = params->deadline_ns <= operation->deadline_ns;
    if (operation->deadline_is_success) {
        operation->deadline_ns = params->deadline_ns;
        operation->has_deadline = params->deadline_ns != CAPOS_FOREVER;
    }
    return CAPOS_OK;
}

void timer_invoke_sleep(struct call *call, struct capos_timer_sleep_results *results) {
    struct operation *operation = call->operation;
    if (operation->has_deadline && operation->deadline_ns <= clock_now_ns()) {
        call->status = operation->deadline_is_success ? CAPOS_OK : CAPOS_E_TIMED_OUT;
        return;
    }
    call_pend(call);
    operation_arm(operation);
}

/* Maps a page of the kernel's, unless another thread has done so. */
static status_t map_page(struct process *process, paddr_t frame, _Atomic uint64_t *address) {
    uint64_t mine, nowhere = 0;
    if (atomic_load_explicit(address, memory_order_relaxed) != 0) {
        return CAPOS_OK;
    }
    status_t status = space_map(&process->space, 0, PAGE_SIZE, SPACE_CLOCK, PROTECT_READ,
                                SPACE_TAG_BORROWED, &mine);
    if (status != CAPOS_OK) {
        return status;
    }
    status = space_map_frame(&process->space, mine, frame, PROTECT_READ, false);
    if (status != CAPOS_OK || !atomic_compare_exchange_strong(address, &nowhere, mine)) {
        space_unmap_fixed(&process->space, mine, PAGE_SIZE);
    }
    return status;
}

status_t timer_decode_clock_page(struct call *call,
                                 const struct capos_timer_clock_page_params *params) {
    return map_page(call->process, clock_page(), &call->process->clock_page);
}

void timer_invoke_clock_page(struct call *call, struct capos_timer_clock_page_results *results) {
    results->address = call->process->clock_page;
}

status_t timer_decode_wall_clock(struct call *call,
                                 const struct capos_timer_wall_clock_params *params) {
    if (call->badge == BADGE_MONOTONIC) {
        return CAPOS_E_NOT_PERMITTED;
    }
    return wall_clock_now_ns(&call->decoded[0]) ? CAPOS_OK : CAPOS_E_UNSUPPORTED;
}

void timer_invoke_wall_clock(struct call *call, struct capos_timer_wall_clock_results *results) {
    results->wall_ns = call->decoded[0];
}

status_t timer_decode_wall_page(struct call *call,
                                const struct capos_timer_wall_page_params *params) {
    if (call->badge == BADGE_MONOTONIC) {
        return CAPOS_E_NOT_PERMITTED;
    }
    if (paddr_is_none(wall_clock_page())) {
        return CAPOS_E_UNSUPPORTED;
    }
    return map_page(call->process, wall_clock_page(), &call->process->wall_page);
}

void timer_invoke_wall_page(struct call *call, struct capos_timer_wall_page_results *results) {
    results->address = call->process->wall_page;
}

status_t timer_decode_interval(struct call *call,
                               const struct capos_timer_interval_params *params) {
    if (!interval_period_is_valid(params->period_ns)) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, 2);
    }
    struct object *object;
    status_t status = interval_create(call->process, params->first_ns, params->period_ns, &object);
    if (status != CAPOS_OK) {
        return status;
    }
    status = process_add_capability(call->process, object, &interval_timer_interface, 0,
                                    &call->decoded[0]);
    if (status != CAPOS_OK) {
        object_unref(object);
    }
    return status;
}

void timer_invoke_interval(struct call *call, struct capos_timer_interval_results *results) {
    results->interval = call->decoded[0];
}
