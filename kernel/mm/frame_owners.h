#pragma once
/*
 * Frames with several owners: memory objects that were cloned hold the same frames until one of
 * them writes. A count for each frame of the machine, 4 bytes, made at boot, so that sharing and
 * giving back need no memory.
 *
 * Rules
 * - Any CPU, no lock. Who adds an owner to a frame is one himself and stays one meanwhile, by the
 *   lock of his object; so a frame that was found to have one owner keeps just that one while that
 *   lock is held.
 */
#include "kernel/types.h"

struct boot_info;

/* At boot, after paging_init. */
void frame_owners_init(const struct boot_info *info);

/* A frame that was allocated has one owner; makes it one more. */
void frame_owners_add(paddr_t frame);
/* One less; the last one's frame is freed. No CPU may reach the frame through him any more. */
void frame_owners_drop(paddr_t frame);
/* Whether there is another owner than the caller. He may have gone by the time it says so. */
bool frame_is_shared(paddr_t frame);
