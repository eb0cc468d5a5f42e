#pragma once
/* What the metrics of capOS share: the capabilities that bench/capos/bench.manifest.txt grants. */
#include <capos/capos.h>

#include "bench/measure.h"

extern struct capabilities {
    capos_cap_t console, timer, memory, spawner, system_info, thread_control;
} capabilities;
