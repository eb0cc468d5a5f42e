#pragma once
/* The time of day, read once at boot from the machine's clock chip; to the second. */
#include "kernel/types.h"

/* After clock_init. */
void wall_clock_init(void);
/* Nanoseconds since 1970 (UTC). False on a machine without a clock chip. */
MUST_CHECK bool wall_clock_now_ns(uint64_t *now_ns);
/* The frame of the page that Timer.wallPage maps. */
paddr_t wall_clock_page(void);
