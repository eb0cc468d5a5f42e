#include "scheduling_policy.h"

#include "kernel/cap/object.h"
#include "kernel/sched/placement.h"
#include "kernel/sched/process.h"
#include "thread.h"

/* One object serves everybody; the badge is the ceiling with which it was granted. */
static const struct object_type scheduling_policy_type = {"SchedulingPolicy", NULL};
static struct object scheduling_policy = {&scheduling_policy_type, 1};

enum { PRIORITY_MAX = CAPOS_PRIORITY_COUNT - 1 };
enum { PARAMETER_THREAD = 1, PARAMETER_PRIORITY = 2 };

/* In call->decoded. */
enum { DECODED_THREAD, DECODED_PRIORITY };

/* "20": digits; false when it is not a priority. */
static bool parse_priority(struct wire_text text, uint64_t *priority) {
    *priority = 0;
    for (uint32_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || *priority > PRIORITY_MAX) {
            return false;
        }
        *priority = *priority * 10 + (uint64_t)(text.data[i] - '0');
    }
    return text.length > 0 && *priority <= PRIORITY_MAX;
}

status_t scheduling_policy_grant(struct process *process, struct object *source,
                                 uint64_t source_badge, struct wire_text facet,
                                 struct object **object_out, uint64_t *badge_out) {
    uint64_t ceiling = PRIORITY_MAX;
    if (facet.length != 0 && !parse_priority(facet, &ceiling)) {
        return CAPOS_E_NOT_PERMITTED;
    }
    /* Nobody gives more than he may use himself. */
    if (source != NULL && source_badge < ceiling) {
        ceiling = source_badge;
    }
    *badge_out = process_set_priority_ceiling(process, (uint32_t)ceiling);
    *object_out = object_ref(&scheduling_policy);
    return CAPOS_OK;
}

/* The thread with a reference, which invoke gives back. */
static status_t find_thread(struct call *call, uint64_t id) {
    struct object *object;
    const void *interface;
    uint64_t badge;
    status_t status = process_reference_capability(call->process, id, &object, &interface, &badge);
    if (status != CAPOS_OK) {
        return call_refuse(call, status, PARAMETER_THREAD);
    }
    struct thread *thread = container_of(object, struct thread, object);
    if (interface != &thread_interface) {
        status = CAPOS_E_WRONG_INTERFACE;
    } else if (thread->process != call->process) {
        status = CAPOS_E_NOT_PERMITTED;
    }
    if (status != CAPOS_OK) {
        object_unref(object);
        return call_refuse(call, status, PARAMETER_THREAD);
    }
    call->decoded[DECODED_THREAD] = (uint64_t)(uintptr_t)thread;
    return CAPOS_OK;
}

static struct thread *thread_of(struct call *call) {
    return (struct thread *)(uintptr_t)call->decoded[DECODED_THREAD];
}

status_t scheduling_policy_decode_set_priority(
    struct call *call, const struct capos_scheduling_policy_set_priority_params *params) {
    if (params->priority > PRIORITY_MAX) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, PARAMETER_PRIORITY);
    }
    if (params->priority > call->badge || params->priority > call->process->priority_ceiling) {
        return call_refuse(call, CAPOS_E_NOT_PERMITTED, PARAMETER_PRIORITY);
    }
    call->decoded[DECODED_PRIORITY] = params->priority;
    return find_thread(call, params->thread);
}

void scheduling_policy_invoke_set_priority(
    struct call *call, struct capos_scheduling_policy_set_priority_results *results) {
    struct thread *thread = thread_of(call);
    spinlock_lock(&thread->ring_lock);
    placement_set_band(thread, (uint32_t)call->decoded[DECODED_PRIORITY]);
    spinlock_unlock(&thread->ring_lock);
    object_unref(&thread->object);
}

status_t scheduling_policy_decode_get_priority(
    struct call *call, const struct capos_scheduling_policy_get_priority_params *params) {
    return find_thread(call, params->thread);
}

void scheduling_policy_invoke_get_priority(
    struct call *call, struct capos_scheduling_policy_get_priority_results *results) {
    struct thread *thread = thread_of(call);
    results->priority = ready_band(&thread->ready);
    results->ceiling = thread->process->priority_ceiling;
    object_unref(&thread->object);
}
