#include "park_space.h"

#include "kernel/cap/call.h"
#include "kernel/sched/park.h"
#include "kernel/sched/process.h"

/* The object is struct process's member `park`: it acts for that process's space alone. */

status_t park_space_grant(struct process *process, struct object *source, uint64_t source_badge,
                          struct wire_text facet, struct object **object_out, uint64_t *badge_out) {
    if (facet.length != 0) {
        return CAPOS_E_NOT_PERMITTED;
    }
    *object_out = object_ref(&process->park);
    *badge_out = 0;
    return CAPOS_OK;
}

static uint64_t at_most(uint64_t count) {
    return count < CAPOS_REQUEUE_MAX ? count : CAPOS_REQUEUE_MAX;
}

/* Checks and moves under one lock; what came of it goes to invoke. */
status_t park_space_decode_requeue(struct call *call,
                                   const struct capos_park_space_requeue_params *params) {
    if (call->object != &call->process->park) {
        return CAPOS_E_NOT_PERMITTED;
    }
    if (params->expected > UINT32_MAX) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, 3);
    }
    const struct park_requeue request = {
        .address = params->address,
        .target = params->target,
        .expected = (uint32_t)params->expected,
        .wake_count = at_most(params->wake_count),
        .move_count = at_most(params->move_count),
    };
    return park_requeue(&call->process->space, &request, &call->decoded[0], &call->decoded[1]);
}

void park_space_invoke_requeue(struct call *call,
                               struct capos_park_space_requeue_results *results) {
    results->woken = call->decoded[0];
    results->moved = call->decoded[1];
}
