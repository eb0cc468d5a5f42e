#include "thread_info.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/cap/object.h"
#include "kernel/sched/thread.h"

static const struct object_type thread_info_type = {"ThreadInfo", NULL};
static struct object thread_info = {&thread_info_type, 1};

status_t thread_info_grant(struct process *process, struct object *source, uint64_t source_badge,
                           struct wire_text facet, struct object **object_out,
                           uint64_t *badge_out) {
    if (facet.length != 0) {
        return CAPOS_E_NOT_PERMITTED;
    }
    *object_out = object_ref(&thread_info);
    *badge_out = 0;
    return CAPOS_OK;
}

status_t thread_info_decode_get(struct call *call,
                                const struct capos_thread_info_get_params *params) {
    return CAPOS_OK;
}

status_t thread_info_decode_cpu_time(struct call *call,
                                     const struct capos_thread_info_cpu_time_params *params) {
    return CAPOS_OK;
}

void thread_info_invoke_cpu_time(struct call *call,
                                 struct capos_thread_info_cpu_time_results *results) {
    results->cpu_time_ns = cpu_time_of_thread(call->thread);
}

void thread_info_invoke_get(struct call *call, struct capos_thread_info_get_results *results) {
    results->thread_id = call->thread->id;
    results->cpu = cpu_current()->index;
    results->cpu_time_ns = cpu_time_of_thread(call->thread);
}
