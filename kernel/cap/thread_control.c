#include "thread_control.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/cap/object.h"
#include "kernel/sched/process.h"
#include "kernel/sched/scheduler.h"
#include "thread.h"

/* Acts on whoever calls, so one object serves everybody. */
static const struct object_type thread_control_type = {"ThreadControl", NULL};
static struct object thread_control = {&thread_control_type, 1};

status_t thread_control_grant(struct process *process, struct object *source, uint64_t source_badge,
                              struct wire_text facet, struct object **object_out,
                              uint64_t *badge_out) {
    if (facet.length != 0) {
        return CAPOS_E_NOT_PERMITTED;
    }
    *object_out = object_ref(&thread_control);
    *badge_out = 0;
    return CAPOS_OK;
}

status_t
thread_control_decode_get_fs_base(struct call *call,
                                  const struct capos_thread_control_get_fs_base_params *params) {
    return CAPOS_OK;
}

void thread_control_invoke_get_fs_base(struct call *call,
                                       struct capos_thread_control_get_fs_base_results *results) {
    results->address = call->thread->fs_base;
}

status_t
thread_control_decode_set_fs_base(struct call *call,
                                  const struct capos_thread_control_set_fs_base_params *params) {
    /* WRMSR faults on an address that is not canonical; below USER_HIGH all are. */
    if (params->address >= USER_HIGH) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, 1);
    }
    call->decoded[0] = params->address;
    return CAPOS_OK;
}

void thread_control_invoke_set_fs_base(struct call *call,
                                       struct capos_thread_control_set_fs_base_results *results) {
    call->thread->fs_base = call->decoded[0];
    msr_write(MSR_FS_BASE, call->decoded[0]);
}

status_t thread_control_decode_yield(struct call *call,
                                     const struct capos_thread_control_yield_params *params) {
    return CAPOS_OK;
}

void thread_control_invoke_yield(struct call *call,
                                 struct capos_thread_control_yield_results *results) {
    scheduler_yield();
}

status_t thread_control_decode_self(struct call *call,
                                    const struct capos_thread_control_self_params *params) {
    struct object *object = &call->thread->object;
    status_t status = process_add_capability(call->process, object_ref(object), &thread_interface,
                                             0, &call->decoded[0]);
    if (status != CAPOS_OK) {
        object_unref(object);
    }
    return status;
}

void thread_control_invoke_self(struct call *call,
                                struct capos_thread_control_self_results *results) {
    results->thread = call->decoded[0];
}

status_t thread_control_decode_exit(struct call *call,
                                    const struct capos_thread_control_exit_params *params) {
    const struct space *space = &call->process->space;
    if (params->word % sizeof(uint32_t) != 0 || params->word >= USER_HIGH) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, 1);
    }
    if (params->stack_size != 0 &&
        !address_ranges_is_valid(&space->ranges, params->stack, params->stack_size)) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, 2);
    }
    call->decoded[0] = params->word;
    call->decoded[1] = params->stack;
    call->decoded[2] = params->stack_size;
    return CAPOS_OK;
}

void thread_control_invoke_exit(struct call *call,
                                struct capos_thread_control_exit_results *results) {
    struct thread *thread = call->thread;
    thread->exit = (struct thread_exit){
        .word = call->decoded[0], .stack = call->decoded[1], .stack_size_bytes = call->decoded[2]};
    thread_post_work(thread, WORK_END);
}
