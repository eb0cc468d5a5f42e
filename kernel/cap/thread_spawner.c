#include "thread_spawner.h"

#include "kernel/cap/call.h"
#include "kernel/sched/placement.h"
#include "kernel/sched/process.h"
#include "thread.h"

/* The object is struct process's member `threads`: it acts for that process alone. */

/* In call->decoded. */
enum { DECODED_THREAD, DECODED_ID };

enum { PARAMETER_ENTRY = 1, PARAMETER_STACK = 2, PARAMETER_FS_BASE = 4, PARAMETER_FLAGS = 5 };

status_t thread_spawner_grant(struct process *process, struct object *source, uint64_t source_badge,
                              struct wire_text facet, struct object **object_out,
                              uint64_t *badge_out) {
    if (facet.length != 0) {
        return CAPOS_E_NOT_PERMITTED;
    }
    *object_out = object_ref(&process->threads);
    *badge_out = 0;
    return CAPOS_OK;
}

static status_t check_params(struct call *call,
                             const struct capos_thread_spawner_create_params *params) {
    if (call->object != &call->process->threads) {
        return CAPOS_E_NOT_PERMITTED;
    }
    if (params->entry < USER_LOW || params->entry >= USER_HIGH) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, PARAMETER_ENTRY);
    }
    if (params->stack > USER_HIGH) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, PARAMETER_STACK);
    }
    if (params->fs_base >= USER_HIGH) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, PARAMETER_FS_BASE);
    }
    if ((params->flags & ~CAPOS_THREAD_DETACHED) != 0) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, PARAMETER_FLAGS);
    }
    return CAPOS_OK;
}

/* The capability is live before the thread runs. */
static status_t add_handle(struct call *call, struct thread *thread) {
    status_t status = process_add_capability(call->process, object_ref(&thread->object),
                                             &thread_interface, 0, &call->decoded[DECODED_ID]);
    if (status != CAPOS_OK) {
        object_unref(&thread->object);
    }
    return status;
}

status_t thread_spawner_decode_create(struct call *call,
                                      const struct capos_thread_spawner_create_params *params) {
    struct thread *thread;
    status_t status = check_params(call, params);
    if (status == CAPOS_OK) {
        status = thread_create(call->process, &thread);
    }
    if (status != CAPOS_OK) {
        return status;
    }
    call->decoded[DECODED_ID] = 0;
    if ((params->flags & CAPOS_THREAD_DETACHED) == 0) {
        status = add_handle(call, thread);
        if (status != CAPOS_OK) {
            thread_abandon(thread);
            return status;
        }
    }
    thread->frame.rip = params->entry;
    thread->frame.rsp = params->stack;
    thread->frame.rdi = params->argument;
    thread->frame.rsi = thread->ring_address;
    thread->frame.rdx = thread->id;
    thread->fs_base = params->fs_base;
    placement_init(thread, ready_band(&call->thread->ready), ready_cpus(&call->thread->ready));
    call->decoded[DECODED_THREAD] = (uint64_t)(uintptr_t)thread;
    return CAPOS_OK;
}

void thread_spawner_invoke_create(struct call *call,
                                  struct capos_thread_spawner_create_results *results) {
    struct thread *thread = (struct thread *)(uintptr_t)call->decoded[DECODED_THREAD];
    results->thread = call->decoded[DECODED_ID];
    results->ring = thread->ring_address;
    results->thread_id = thread->id;
    thread_start(thread);
}
