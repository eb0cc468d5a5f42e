#include "process_info.h"

#include "kernel/cap/object.h"
#include "kernel/sched/process.h"

static const struct object_type process_info_type = {"ProcessInfo", NULL};
static struct object process_info = {&process_info_type, 1};

status_t process_info_grant(struct process *process, struct object *source, uint64_t source_badge,
                            struct wire_text facet, struct object **object_out,
                            uint64_t *badge_out) {
    if (facet.length != 0) {
        return CAPOS_E_NOT_PERMITTED;
    }
    *object_out = object_ref(&process_info);
    *badge_out = 0;
    return CAPOS_OK;
}

status_t process_info_decode_get(struct call *call,
                                 const struct capos_process_info_get_params *params) {
    return CAPOS_OK;
}

void process_info_invoke_get(struct call *call, struct capos_process_info_get_results *results) {
    const struct ledger *ledger = &call->process->ledger;
    results->process_id = call->process->id;
    results->frames = ledger_used(ledger, LEDGER_FRAMES);
    results->frames_peak = ledger_peak(ledger, LEDGER_FRAMES);
    results->frames_limit = ledger->limit[LEDGER_FRAMES];
    results->slots = (uint32_t)ledger_used(ledger, LEDGER_SLOTS);
    results->slots_limit = CAPTABLE_SLOTS_MAX;
    results->threads = (uint32_t)ledger_used(ledger, LEDGER_THREADS);
    results->cpu_time_ns = cpu_time_of_process(call->process);
}

status_t process_info_decode_cpu_time(struct call *call,
                                      const struct capos_process_info_cpu_time_params *params) {
    return CAPOS_OK;
}

void process_info_invoke_cpu_time(struct call *call,
                                  struct capos_process_info_cpu_time_results *results) {
    results->cpu_time_ns = cpu_time_of_process(call->process);
}

status_t
process_info_decode_wait_cpu_time(struct call *call,
                                  const struct capos_process_info_wait_cpu_time_params *params) {
    if (!call->process->has_timer) {
        return CAPOS_E_NEEDS_TIMER;
    }
    call->decoded[0] = params->cpu_time_ns;
    return CAPOS_OK;
}

void process_info_invoke_wait_cpu_time(struct call *call,
                                       struct capos_process_info_wait_cpu_time_results *results) {
    if (cpu_time_wait_process(call->operation, call->decoded[0]) == CPU_TIME_ARMED) {
        call_pend(call);
    }
}
