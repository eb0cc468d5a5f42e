#pragma once
/* Addresses of the kernel's own that are neither its image nor the direct map. At boot only. */
#include "kernel/types.h"

#define KERNEL_MAP_BASE UINT64_C(0xffffff0000000000)

/* A stack of `size` bytes (a multiple of 4096) with an unmapped page on either side; returns its
 * end, or 0 when there is no memory. */
uint64_t kernel_map_stack(uint64_t size);
