#include "thread.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/cap/thread_exit.h"
#include "kernel/ring/operation.h"
#include "kernel/sched/placement.h"
#include "kernel/sched/process.h"
#include "kernel/sched/scheduler.h"

static struct thread *thread_of(struct call *call) {
    return container_of(call->object, struct thread, object);
}

static void unlink_joiner(struct operation *operation) {
    struct thread *thread = container_of(operation->object, struct thread, object);
    spinlock_lock(&thread->lock);
    operation_queue_remove(&thread->joiners, operation);
    spinlock_unlock(&thread->lock);
}

status_t thread_decode_join(struct call *call, const struct capos_thread_join_params *params) {
    return CAPOS_OK;
}

void thread_invoke_join(struct call *call, struct capos_thread_join_results *results) {
    struct thread *thread = thread_of(call);
    struct operation *operation = call->operation;
    spinlock_lock(&thread->lock);
    if (!thread->ended) {
        operation->object = object_ref(call->object);
        operation->unlink = unlink_joiner;
        operation_queue_append(&thread->joiners, operation);
        call_pend(call);
        operation_arm(operation);
    }
    spinlock_unlock(&thread->lock);
}

void thread_exit_complete(struct thread *thread) {
    struct operation_list joiners;
    operation_list_init(&joiners);
    spinlock_lock(&thread->lock);
    thread->ended = true;
    operation_queue_claim_all(&thread->joiners, &joiners);
    spinlock_unlock(&thread->lock);
    cpu_time_close(thread);
    /* First our own reference; each joiner holds one until it is complete. */
    object_unref(&thread->object);
    operation_list_complete(&joiners, CAPOS_OK);
}

/* In call->decoded. */
_Static_assert(THREAD_NAME_MAX <= CALL_DECODED_WORDS * sizeof(uint64_t), "a name fits");

status_t thread_decode_set_name(struct call *call, struct wire_struct params) {
    struct wire_text name = wire_get_text(params, CAPOS_THREAD_SET_NAME_PARAMS_NAME_POINTER);
    if (call->wire.failed) {
        return CAPOS_E_BAD_MESSAGE;
    }
    if (thread_of(call)->process != call->process) {
        return CAPOS_E_NOT_PERMITTED;
    }
    if (name.length >= THREAD_NAME_MAX) {
        return call_refuse(call, CAPOS_E_TOO_LARGE, 1);
    }
    memset(call->decoded, 0, THREAD_NAME_MAX);
    memcpy(call->decoded, name.data, name.length);
    return CAPOS_OK;
}

void thread_invoke_set_name(struct call *call, struct capos_thread_set_name_results *results) {
    struct thread *thread = thread_of(call);
    spinlock_lock(&thread->lock);
    memcpy(thread->name, call->decoded, THREAD_NAME_MAX);
    spinlock_unlock(&thread->lock);
}

status_t thread_decode_info(struct call *call, const struct capos_thread_info_params *params) {
    return CAPOS_OK;
}

status_t thread_decode_interrupt(struct call *call,
                                 const struct capos_thread_interrupt_params *params) {
    if (thread_of(call)->process != call->process) {
        return CAPOS_E_NOT_PERMITTED;
    }
    if (params->value == 0) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, 1);
    }
    call->decoded[0] = params->value;
    return CAPOS_OK;
}

void thread_invoke_interrupt(struct call *call, struct capos_thread_interrupt_results *results) {
    upcall_interrupt(thread_of(call), call->decoded[0]);
}

static enum capos_thread_state state_of(const struct thread *thread) {
    switch (thread->state) {
    case THREAD_RUNNING:
        return CAPOS_THREAD_STATE_RUNNING;
    case THREAD_WAITING:
        return CAPOS_THREAD_STATE_WAITING;
    case THREAD_ENDED:
        return CAPOS_THREAD_STATE_ENDED;
    default:
        return CAPOS_THREAD_STATE_READY;
    }
}

void thread_invoke_info(struct call *call, struct capos_thread_info_results *results) {
    struct thread *thread = thread_of(call);
    results->thread_id = thread->id;
    results->cpu_time_ns = cpu_time_of_thread(thread);
    results->cpu = thread->cpu;
    results->cpus = ready_cpus(&thread->ready);
    spinlock_lock(&thread->ring_lock);
    results->state = (uint16_t)state_of(thread);
    spinlock_unlock(&thread->ring_lock);
}

status_t thread_decode_wait_cpu_time(struct call *call,
                                     const struct capos_thread_wait_cpu_time_params *params) {
    if (!call->process->has_timer) {
        return CAPOS_E_NEEDS_TIMER;
    }
    call->decoded[0] = params->cpu_time_ns;
    return CAPOS_OK;
}

void thread_invoke_wait_cpu_time(struct call *call,
                                 struct capos_thread_wait_cpu_time_results *results) {
    switch (cpu_time_wait_thread(thread_of(call), call->operation, call->decoded[0])) {
    case CPU_TIME_ARMED:
        call_pend(call);
        break;
    case CPU_TIME_ENDED:
        call->status = CAPOS_E_DISCONNECTED;
        break;
    case CPU_TIME_REACHED:
        break;
    }
}

status_t thread_decode_set_affinity(struct call *call,
                                    const struct capos_thread_set_affinity_params *params) {
    if (thread_of(call)->process != call->process) {
        return CAPOS_E_NOT_PERMITTED;
    }
    call->decoded[0] = params->cpus & cpu_all();
    return call->decoded[0] != 0 ? CAPOS_OK : call_refuse(call, CAPOS_E_INVALID_ARGUMENT, 1);
}

void thread_invoke_set_affinity(struct call *call,
                                struct capos_thread_set_affinity_results *results) {
    struct thread *thread = thread_of(call);
    spinlock_lock(&thread->ring_lock);
    placement_set_cpus(thread, call->decoded[0]);
    spinlock_unlock(&thread->ring_lock);
}
