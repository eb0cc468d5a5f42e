#include "tools/capos/report.h"

#include <string.h>

#include "capos/report.h"
#include "core/wire.h"

#define VERSION 1u
#define TRAVERSAL_WORDS_MAX (64u << 10)

static void read_backtrace(struct run_report *report, struct wire_struct root) {
    const struct wire_list list = wire_get_list(root, CAPOS_RUN_REPORT_BACKTRACE_POINTER);
    for (uint32_t i = 0; i < list.count && i < REPORT_FRAMES_MAX; i++) {
        report->backtrace[report->backtrace_count++] = wire_list_u64(list, i);
    }
}

static void read_grants_used(struct run_report *report, struct wire_struct root) {
    const struct wire_list list = wire_get_list(root, CAPOS_RUN_REPORT_GRANTS_USED_POINTER);
    for (uint32_t i = 0; i < list.count && i < REPORT_GRANTS_MAX; i++) {
        const struct wire_text text = wire_list_text(list, i);
        char *name = report->grants_used[report->grants_used_count++];
        const uint32_t length = text.length < REPORT_NAME_MAX ? text.length : REPORT_NAME_MAX;
        for (uint32_t at = 0; at < length; at++) {
            name[at] = text.data[at] >= ' ' && text.data[at] <= '~' ? text.data[at] : '?';
        }
        name[length] = '\0';
    }
}

bool report_read(struct run_report *report, const void *bytes, size_t size) {
    *report = (struct run_report){0};
    struct wire_message message;
    if (!wire_open_framed(&message, bytes, size, TRAVERSAL_WORDS_MAX)) {
        return false;
    }
    const struct wire_struct root = wire_root(&message);
    /* A default other than 0 is kept as the difference from it. */
    const uint32_t version =
        wire_get_u32(root, CAPOS_RUN_REPORT_VERSION_OFFSET) ^ CAPOS_RUN_REPORT_VERSION_DEFAULT;
    const uint16_t outcome = wire_get_u16(root, CAPOS_RUN_REPORT_OUTCOME_OFFSET);
    if (version != VERSION || outcome > RUN_NOT_STARTED) {
        return false;
    }
    report->outcome = (enum run_outcome)outcome;
    report->code = (int64_t)wire_get_u64(root, CAPOS_RUN_REPORT_CODE_OFFSET);
    report->vector = wire_get_u32(root, CAPOS_RUN_REPORT_VECTOR_OFFSET);
    report->error_code = wire_get_u32(root, CAPOS_RUN_REPORT_ERROR_CODE_OFFSET);
    report->address = wire_get_u64(root, CAPOS_RUN_REPORT_ADDRESS_OFFSET);
    report->rip = wire_get_u64(root, CAPOS_RUN_REPORT_RIP_OFFSET);
    report->rsp = wire_get_u64(root, CAPOS_RUN_REPORT_RSP_OFFSET);
    report->cpu_time_ns = wire_get_u64(root, CAPOS_RUN_REPORT_CPU_TIME_NS_OFFSET);
    report->peak_bytes = wire_get_u64(root, CAPOS_RUN_REPORT_PEAK_BYTES_OFFSET);
    report->start_error = (int64_t)wire_get_u64(root, CAPOS_RUN_REPORT_START_ERROR_OFFSET);
    report->start_detail = wire_get_u64(root, CAPOS_RUN_REPORT_START_DETAIL_OFFSET);
    report->firmware_ns = wire_get_u64(root, CAPOS_RUN_REPORT_FIRMWARE_NS_OFFSET);
    report->kernel_ns = wire_get_u64(root, CAPOS_RUN_REPORT_KERNEL_NS_OFFSET);
    report->init_ns = wire_get_u64(root, CAPOS_RUN_REPORT_INIT_NS_OFFSET);
    read_backtrace(report, root);
    read_grants_used(report, root);
    return !message.failed;
}
