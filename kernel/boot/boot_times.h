#pragma once
/* The boot ledger: where the time before the first program went. Written once, at boot. */
#include <stdint.h>

struct boot_times {
    uint64_t firmware_ns; /* from reset to the kernel's first instruction */
    uint64_t kernel_ns;   /* from there to init's first instruction */
    uint64_t init_ns;     /* monotonic time at which that was */
};
extern struct boot_times boot_times;
