#pragma once
/*
 * A small heap. It begins in 256 KiB of the program's own image, so that a program without any
 * grant can allocate, and grows through the VirtualMemory named "memory" where there is one.
 *
 * Rules
 * - Blocks are aligned to 16 bytes, or as asked for. NULL for sizes that wrap, and when there is no
 *   memory left.
 * - Every free checks the block's borders: a pointer that is not a live block, or a block that was
 *   written past its end, ends the process with a message that says so.
 * - For all threads of the process, at the same time, and for all languages: Rust's alloc and the
 *   new and delete of C++ are this heap, and what one has allocated another may free.
 */
#include <stddef.h>

#include "capos/linkage.h"

CAPOS_LINKAGE_BEGIN

void *capos_malloc(size_t size);
void *capos_calloc(size_t count, size_t size);
void *capos_realloc(void *block, size_t size);
void capos_free(void *block); /* NULL is fine */

/* A block that is aligned to this power of two; NULL for what is none. capos_realloc does not keep
 * the alignment. */
void *capos_malloc_aligned(size_t size, size_t align);

CAPOS_LINKAGE_END
