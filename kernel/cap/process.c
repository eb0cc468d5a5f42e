#include "process.h"

#include "kernel/cap/process_exit.h"
#include "kernel/ring/operation.h"
#include "kernel/sched/process.h"

static struct process *process_of(struct call *call) {
    return container_of(call->object, struct process, object);
}

static void fill_results(const struct process *process,
                         struct capos_process_wait_results *results) {
    const struct exit_record *exit = &process->exit;
    results->root = CAPOS_PROCESS_WAIT_RESULTS_ROOT;
    results->reason = (uint16_t)exit->reason;
    results->code = exit->code;
    results->cpu_time_ns = exit->cpu_time_ns;
    results->frames_peak = exit->frames_peak;
    results->capset_used = exit->capset_used;
    results->vector = exit->vector;
    results->error_code = exit->error;
    results->address = exit->address;
    results->rip = exit->rip;
    results->rsp = exit->rsp;
    results->trace_count = exit->trace_count;
    uint64_t *const traces[PROCESS_TRACE_MAX] = {
        &results->trace0, &results->trace1, &results->trace2, &results->trace3,
        &results->trace4, &results->trace5, &results->trace6, &results->trace7};
    for (uint32_t i = 0; i < exit->trace_count; i++) {
        *traces[i] = exit->trace[i];
    }
}

static void unlink_waiter(struct operation *operation) {
    struct process *process = container_of(operation->object, struct process, object);
    spinlock_lock(&process->lock);
    operation_queue_remove(&process->waiters, operation);
    spinlock_unlock(&process->lock);
}

status_t process_decode_wait(struct call *call, const struct capos_process_wait_params *params) {
    return CAPOS_OK;
}

void process_invoke_wait(struct call *call, struct capos_process_wait_results *results) {
    struct process *process = process_of(call);
    struct operation *operation = call->operation;
    spinlock_lock(&process->lock);
    if (process->ended) {
        fill_results(process, results);
    } else {
        operation->object = object_ref(call->object);
        operation->unlink = unlink_waiter;
        operation_queue_append(&process->waiters, operation);
        call_pend(call);
        operation_arm(operation);
    }
    spinlock_unlock(&process->lock);
}

void process_exit_complete(struct process *process) {
    struct capos_process_wait_results results = {0};
    struct operation_list waiters;
    operation_list_init(&waiters);
    spinlock_lock(&process->lock);
    process->ended = true;
    fill_results(process, &results);
    operation_queue_claim_all(&process->waiters, &waiters);
    spinlock_unlock(&process->lock);
    /* First our own reference, so that whoever waits and then lets go of the last one finds all of
     * the memory free. Each waiter holds one until it is complete. */
    object_unref(&process->object);
    for (struct operation *operation = waiters.first, *next; operation != NULL; operation = next) {
        next = operation->next;
        status_t status =
            space_copy_out(operation->space, operation->message, &results, sizeof results);
        operation_complete(operation, status, 0);
    }
}

status_t process_decode_kill(struct call *call, const struct capos_process_kill_params *params) {
    return CAPOS_OK;
}

void process_invoke_kill(struct call *call, struct capos_process_kill_results *results) {
    struct exit_record record = {.reason = EXIT_KILLED};
    process_end(process_of(call), &record);
}
