#pragma once
/* Boots what was composed, and stays until it has ended and all is told. */
#include "tools/capos/launch.h"

/*
 * Returns the exit code (exit_codes.h). When a signal ended the session, the tool dies by that same
 * signal here, so that a shell sees it.
 */
int session_run(struct run_options *options, const struct launch *launch);
