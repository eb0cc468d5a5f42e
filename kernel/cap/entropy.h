#pragma once
/*
 * The kernel's random numbers: ChaCha20 under a key that each request replaces (fast key erasure),
 * so that what was handed out cannot be computed afterwards. The key comes from RDRAND where the
 * CPU has it, mixed with times that nobody controls. Any CPU; takes a lock of its own.
 */
#include "kernel/types.h"

void entropy_init(void);
void entropy_fill(void *target, size_t size);
