#pragma once
/*
 * Physical frames of 4 KiB.
 *
 * Rules
 * - Any CPU, interrupts off. Takes frame_lock, and nothing while it holds it.
 * - Frames that programs cause to be used are charged to a ledger before they are taken; this file
 *   knows nothing of ledgers.
 */
#include "kernel/types.h"

struct boot_info;

/* Takes over the free memory of the memory map. */
void frame_init(const struct boot_info *info);

/* A frame with undefined contents, or PADDR_NONE when there is none. */
paddr_t frame_alloc(void);
/* A zeroed frame, or PADDR_NONE. */
paddr_t frame_alloc_zeroed(void);
void frame_free(paddr_t frame);

/* 2 MiB at a multiple of that, with undefined contents; PADDR_NONE where no such block is whole. */
#define FRAME_LARGE_COUNT 512u /* frames that it is */
paddr_t frame_alloc_large(void);

/* Bits in the address of a frame in a batch: it is a whole large block; it is all zero, and this
 * CPU may keep it for frame_alloc_zeroed. Those that are kept still count as free. */
#define FRAME_IS_LARGE UINT64_C(1)
#define FRAME_IS_ZERO UINT64_C(2)
/* Returns how many frames came back. */
uint64_t frame_free_batch(const paddr_t *frames, uint32_t count);

/* Clears a frame ahead, for the next frame_alloc_zeroed of this CPU, which may be under a lock
 * then. */
void frame_prepare(void);

/* count frames one after another, zeroed, for devices; at boot only. PADDR_NONE when there are
 * none. */
paddr_t frame_alloc_contiguous(size_t count);

uint64_t frame_free_count(void);
uint64_t frame_total_count(void);
