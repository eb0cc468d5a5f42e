#pragma once
/*
 * The RunReport of schema/report.capnp, as init sent it. It comes from a guest: nothing in it is
 * believed beyond its form, and its texts are made printable.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPORT_FRAMES_MAX 16u
#define REPORT_GRANTS_MAX 64u
#define REPORT_NAME_MAX 63u

enum run_outcome {
    RUN_EXITED,
    RUN_FAULTED,
    RUN_KILLED,
    RUN_NOT_STARTED,
};

struct run_report {
    enum run_outcome outcome;
    int64_t code;
    uint32_t vector, error_code;
    uint64_t address, rip, rsp;
    uint64_t backtrace[REPORT_FRAMES_MAX]; /* return addresses, innermost first */
    uint32_t backtrace_count;
    uint64_t cpu_time_ns, peak_bytes;
    char grants_used[REPORT_GRANTS_MAX][REPORT_NAME_MAX + 1];
    uint32_t grants_used_count;
    int64_t start_error;
    uint64_t start_detail;
    uint64_t firmware_ns, kernel_ns, init_ns;
};

/* False when the bytes are not a report of a version that is known here. */
bool report_read(struct run_report *report, const void *bytes, size_t size);
