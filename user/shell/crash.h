#pragma once
/* The report of a crash. */
#include <capos/capos.h>

/* What happened, where, and who had called: functions, files and lines as far as the program's
 * debug information has them. */
void crash_print(const char *name, const struct capos_process_wait_results *end);
