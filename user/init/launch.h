#pragma once
/* Starting one program of the manifest. */
#include <capos/capos.h>

#include "core/wire.h"

/*
 * Spawns it with the grants that its entry names, each derived from init's own capability of that
 * kind. On failure *detail is that of ProcessSpawner.spawn, also for a grant that init does not
 * have.
 */
int64_t launch_program(struct wire_struct program, capos_cap_t *process, uint32_t *detail);
