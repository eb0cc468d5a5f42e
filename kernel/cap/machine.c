#include "machine.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/cap/channel.h"
#include "kernel/cap/machine_object.h"
#include "kernel/cap/object.h"
#include "kernel/debug/log.h"
#include "kernel/dev/log_device.h"
#include "kernel/dev/machine_exit.h"

static const struct object_type machine_type = {"Machine", NULL};
static struct object machine = {&machine_type, 1};

struct object *machine_object(void) {
    return &machine;
}

status_t machine_decode_shutdown(struct call *call,
                                 const struct capos_machine_shutdown_params *params) {
    call->decoded[0] = params->code;
    return CAPOS_OK;
}

void machine_invoke_shutdown(struct call *call, struct capos_machine_shutdown_results *results) {
    /* Output that nobody takes must not keep the machine up: a closed stream counts as drained, and
     * the host decides how long it wants to wait for one that it does not read. */
    static const enum stream_id outputs[] = {STREAM_OUTPUT, STREAM_ERROR, STREAM_REPORT};
    for (size_t i = 0; i < ARRAY_COUNT(outputs); i++) {
        while (!stream_is_closed(outputs[i]) && !stream_is_drained(outputs[i])) {
            stream_poll();
            arch_spin_pause();
        }
    }
    log_printf("shutdown with code %lu\n", call->decoded[0]);
    log_device_begin_polling(); /* no interrupt will come for the rest any more */
    machine_exit(MACHINE_EXIT_ORDERLY);
}

status_t machine_decode_report(struct call *call,
                               const struct capos_machine_report_params *params) {
    return channel_decode_write(call);
}

void machine_invoke_report(struct call *call, struct capos_machine_report_results *results) {
    channel_invoke_write(call, STREAM_REPORT, &results->count);
}
