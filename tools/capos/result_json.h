#pragma once
/* The file of `capos run --json`: how the run ended, for other programs. Version 1. */
#include <stdio.h>

#include "tools/capos/outcome.h"

struct result_facts {
    const struct launch *launch;
    const struct machine_options *machine;
    long long wall_ms;
};

void result_write_json(FILE *out, const struct outcome *outcome, const struct result_facts *facts);
