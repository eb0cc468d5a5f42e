#pragma once
/*
 * What the files of an address space share: space.c (its life, nodes, frames), space_change.c (the
 * methods of VirtualMemory), space_pages.c (page tables), space_access.c (the kernel's access to a
 * program's memory). Nobody else includes this.
 *
 * Rules
 * - The caller holds space->lock, but for space_drop_pages and space_drop_tables, which take it in
 *   steps and must be called without any lock.
 */
#include "kernel/mm/space.h"

/* A zeroed frame that the ledger is charged for, or PADDR_NONE and *status. */
paddr_t space_take_frame(struct space *space, status_t *status);
void space_give_frame(struct space *space, paddr_t frame);

/* Nodes for ranges. Makes sure of `count` spare ones beyond those kept for giving back. */
MUST_CHECK status_t space_fill_nodes(struct space *space, uint32_t count);
struct address_range *space_pop_node(struct space *space);
void space_push_node(struct space *space, struct address_range *node);

/* Two spare nodes for a change of the ranges, and back what it leaves and frees. */
struct space_spares {
    struct address_range *node[2];
    struct address_range *freed;
};
struct space_spares space_begin_change(struct space *space);
void space_end_change(struct space *space, struct space_spares *spares);

/* Ranges that the kernel put there and a program may not take away. */
static inline bool space_kind_is_fixed(uint32_t kind) {
    return kind == SPACE_RING || kind == SPACE_START || kind == SPACE_CLOCK;
}

static inline bool space_kind_is_committed(uint32_t kind) {
    return kind != SPACE_RESERVED && kind != SPACE_DYING;
}

pte_t space_page_flags(uint32_t protection);
MUST_CHECK status_t space_map_frame_locked(struct space *space, uint64_t address, paddr_t frame,
                                           uint32_t protection, bool owned);
/* Applies a protection to the pages that are in. */
void space_protect_pages(struct space *space, uint64_t address, uint64_t size, uint32_t protection);
uint64_t space_count_resident(struct space *space, uint64_t start, uint64_t end);

/* Empties [address, address + size): frames go back when every CPU has flushed. Stops where it
 * finds that not all of the rest is of this kind any more (SPACE_FREE: whatever it is). */
void space_drop_pages(struct space *space, uint64_t address, uint64_t size, uint32_t kind);
/* Frees the tables that cover nothing any more in [address, address + size). */
void space_drop_tables(struct space *space, uint64_t address, uint64_t size);
