#pragma once
/* Starting one program of the manifest. */
#include <capos/capos.h>

#include "core/wire.h"

/*
 * Spawns it with the grants that its entry names, each derived from init's own capability of that
 * kind. On failure *detail says which grant (counted from one) init does not have, or what the
 * kernel said.
 */
int64_t launch_program(struct wire_struct program, capos_cap_t *process, uint32_t *detail);
