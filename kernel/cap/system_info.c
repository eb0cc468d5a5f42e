#include "system_info.h"

#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/boot/boot_times.h"
#include "kernel/cap/object.h"
#include "kernel/mm/frame.h"
#include "kernel/sched/process.h"

static const struct object_type system_info_type = {"SystemInfo", NULL};
static struct object system_info = {&system_info_type, 1};

status_t system_info_grant(struct process *process, struct object *source, uint64_t source_badge,
                           struct wire_text facet, struct object **object_out,
                           uint64_t *badge_out) {
    if (facet.length != 0) {
        return CAPOS_E_NOT_PERMITTED;
    }
    *object_out = object_ref(&system_info);
    *badge_out = 0;
    return CAPOS_OK;
}

status_t system_info_decode_get(struct call *call,
                                const struct capos_system_info_get_params *params) {
    return CAPOS_OK;
}

void system_info_invoke_get(struct call *call, struct capos_system_info_get_results *results) {
    results->cpu_count = cpu_count();
    results->page_size = PAGE_SIZE;
    results->memory_bytes = frame_total_count() * PAGE_SIZE;
    results->free_bytes = frame_free_count() * PAGE_SIZE;
    results->process_count = process_count();
    results->thread_count = thread_count();
    results->xsave_bytes = cpu_features.xsave_bytes;
    results->abi_version = CAPOS_ABI_VERSION;
    results->features = CAPOS_FEATURES_KNOWN;
    results->firmware_ns = boot_times.firmware_ns;
    results->kernel_ns = boot_times.kernel_ns;
    results->init_ns = boot_times.init_ns;
    results->idle_ns = cpu_time_idle();
    results->timer_interrupts = cpu_timer_interrupts();
}
