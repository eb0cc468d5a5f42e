#pragma once
/* Registers of devices in memory. */
#include "kernel/types.h"

/* Maps [address, address + size) uncached, writable, never executable; at boot only. Returns the
 * kernel's address of `address` itself. Panics when page tables cannot be had. */
volatile void *mmio_map(paddr_t address, uint64_t size);
