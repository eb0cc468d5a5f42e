#pragma once
/* What init tells the host tool: the RunReport of schema/report.capnp. */
#include <capos/capos.h>

#include "core/wire.h"

struct run_outcome {
    struct wire_struct program; /* its entry in the manifest; null when that was not reached */
    const char *name;           /* in place of program's file name when that is null */
    int64_t start_error;        /* of spawn; 0 when the program was started, and then: */
    uint32_t start_detail;
    struct capos_process_wait_results end;
};

/* Returns 0, or what kept the report from being sent. */
int64_t report_send(const struct run_outcome *outcome);
