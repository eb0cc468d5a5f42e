#pragma once
/* Monotonic time from the time-stamp counter. */
#include "kernel/types.h"

void clock_init(uint64_t entry_tsc);
/* Nanoseconds since the kernel's first instruction; never runs backwards on one CPU. */
uint64_t clock_now_ns(void);
uint64_t clock_tsc_at(uint64_t ns);
/* Time from the counter's zero (the machine's reset) to the kernel's first instruction. */
uint64_t clock_firmware_ns(void);
/* Waits; at boot only. */
void clock_delay_us(uint64_t us);
/* The frame of the page that Timer.clockPage maps. */
paddr_t clock_page(void);
