#pragma once
/* Making what IntervalTimer acts on; for Timer.interval. */
#include "kernel/types.h"

struct process;
struct object;

/* A period is 0 or at least CAPOS_INTERVAL_PERIOD_NS_MIN. */
bool interval_period_is_valid(uint64_t period_ns);

/* Charged to the process; the result carries a reference. */
MUST_CHECK status_t interval_create(struct process *process, uint64_t first_ns, uint64_t period_ns,
                                    struct object **object_out);
