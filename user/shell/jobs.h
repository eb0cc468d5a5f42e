#pragma once
/* The programs that the shell has started with & and not forgotten yet. */
#include <capos/capos.h>

/* Takes over the capability of a running program; false when there are too many. */
bool jobs_add(const char *name, capos_cap_t process);

/* Lists them; those that have ended are told once, then forgotten. */
void jobs_print(void);

void jobs_kill(const char *number);
