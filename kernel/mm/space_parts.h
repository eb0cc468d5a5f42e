#pragma once
/*
 * What the files of an address space share: space.c (its life, nodes, frames), space_change.c,
 * space_unmap.c and space_query.c (the methods of VirtualMemory), space_pages.c and space_large.c
 * (page tables), space_access.c (faults, and the kernel's access to a program's memory),
 * space_object.c and object_fault.c (memory objects). Nobody else includes this.
 *
 * Rules
 * - The caller holds space->lock, but for functions that say otherwise.
 */
#include "kernel/mm/space.h"

struct memory_mapping;

/* A zeroed frame that the ledger is charged for. */
MUST_CHECK status_t space_take_frame(struct space *space, paddr_t *frame_out);
void space_give_frame(struct space *space, paddr_t frame);

/* Spare nodes for ranges: splitting the middle out of one takes two, ready so that giving back
 * never fails. Makes sure of `count` beyond those. */
#define SPACE_NODES_MIN 4u
MUST_CHECK status_t space_add_nodes(struct space *space, uint32_t count);
MUST_CHECK static inline status_t space_fill_nodes(struct space *space, uint32_t count) {
    return space->nodes.count >= SPACE_NODES_MIN + count ? CAPOS_OK : space_add_nodes(space, count);
}

/* Ranges that the kernel put there and a program may not take away. */
static inline bool space_kind_is_fixed(uint32_t kind) {
    return kind == SPACE_RING || kind == SPACE_START || kind == SPACE_CLOCK;
}

static inline bool space_kind_is_committed(uint32_t kind) {
    return kind != SPACE_RESERVED && kind != SPACE_DYING;
}

/* Ranges that show an object, or did before their unmap began. */
static inline bool space_range_is_object(const struct address_range *range) {
    return range->kind == SPACE_OBJECT ||
           (range->kind == SPACE_DYING && range->tag > SPACE_TAG_BORROWED);
}

static inline struct memory_mapping *space_mapping_of(const struct address_range *range) {
    ASSERT(space_range_is_object(range));
    return (struct memory_mapping *)(uintptr_t)range->tag;
}

pte_t space_page_flags(uint32_t protection);

static inline bool space_page_allows(pte_t entry, uint32_t access) {
    pte_t wanted = PTE_PRESENT | ((access & PROTECT_WRITE) != 0 ? PTE_WRITE : 0);
    return (entry & wanted) == wanted && ((access & PROTECT_EXECUTE) == 0 || (entry & PTE_NX) == 0);
}

/* Takes the tables that are missing on the way, all or none. */
MUST_CHECK status_t space_make_way(struct space *space, struct paging_path *path, uint64_t page);

/* Puts a fresh, zeroed frame of the space's own where the path ends, which is the page's. */
MUST_CHECK status_t space_bring_in(struct space *space, struct paging_path *path, uint64_t page,
                                   uint32_t protection);

/* The same for a large page in a range that asks for it: false, with nothing changed, when it does
 * not fit there or cannot be had. */
MUST_CHECK bool space_bring_in_large(struct space *space, const struct address_range *range,
                                     struct paging_path *path, uint64_t page);
/* The large page at the end of the path becomes pages of 4 KiB, which takes nothing. */
void space_split_large(struct space *space, struct paging_path *path, uint64_t address);
/* The table that was kept for a large page that has been taken out. */
paddr_t space_take_spare_table(struct space *space);

/* One step of a change of pages: as many as may be done at once, from an address on. */
struct space_step {
    uint64_t end;     /* where it stopped */
    uint32_t frames;  /* in this CPU's free_batch, to go back after the flush */
    bool has_changed; /* translations that allow too much may be in use */
    bool has_grown;   /* such as allow too little may be */
};

/* Takes pages out of the tables, and the tables that are empty then. */
struct space_step space_collect_pages(struct space *space, uint64_t address, uint64_t end);
/* Applies a protection to the pages that are in. */
struct space_step space_protect_pages(struct space *space, uint64_t address, uint64_t end,
                                      uint32_t protection);

/* A change that waits for other CPUs, or goes on in steps, without the lock: on the stack of the
 * CPU that makes it. */
struct space_change {
    uint64_t address, end;
    struct space_change *next;
};
void space_begin_change(struct space *space, struct space_change *change);
/* The caller loses the lock. */
void space_end_change_and_unlock(struct space *space, struct space_change *change);

/* Lets go of the lock behind the first step of a change, which is flushed for and goes on. */
void space_begin_steps(struct space *space, struct space_change *change,
                       const struct space_step *first);
/* Without any lock. */
void space_end_steps(struct space *space, struct space_change *change);

/* True when no CPU uses what the step from `address` on took away any more; false when that takes
 * waiting for others, without the lock. The step may be one of `change`. */
bool space_is_flushed(struct space *space, uint64_t address, const struct space_step *step,
                      const struct space_change *change);

/* Gives the frames of a step back that has been flushed. Under the lock or during a change: nobody
 * tears the space down before they are refunded, which may be another process's. */
void space_give_batch(struct space *space, const struct space_step *step);

/* Without any lock, in steps, which are of `change`: empties [address, end). Stops where it finds
 * that not all of the rest is of this kind any more (SPACE_FREE: whatever it is). */
void space_drop_pages(struct space *space, uint64_t address, uint64_t end, uint32_t kind,
                      const struct space_change *change);

uint64_t space_count_resident(struct space *space, uint64_t start, uint64_t end);
/* Of the page that stands there; 4096 where none does. */
uint64_t space_page_size(struct space *space, uint64_t address);

/* space_change.c and space_unmap.c. */

/* Changes ranges; the nodes for splits, SPACE_SPLIT_NODES at most, are there. */
#define SPACE_SPLIT_NODES 2u
void space_set_ranges(struct space *space, uint64_t address, uint64_t size, uint32_t kind,
                      uint32_t protection);

MUST_CHECK status_t space_charge_commit_locked(struct space *space, uint64_t size);
/* As space_map; the node is there. */
MUST_CHECK status_t space_map_locked(struct space *space, uint64_t hint, uint64_t size,
                                     uint32_t kind, uint32_t protection, uint64_t tag,
                                     uint64_t *address_out);
/* As space_unmap. The caller loses the lock. */
MUST_CHECK status_t space_unmap_and_unlock(struct space *space, uint64_t address, uint64_t size);
/* Takes ranges out whose pages are gone; the nodes for splits are there. */
void space_remove_ranges(struct space *space, uint64_t address, uint64_t size);

/* space_object.c. */

/* The protections that the pages of a range of an object may be given, and whether it counts as
 * committed memory. */
uint32_t space_object_rights(const struct address_range *range);
bool space_object_is_committed(const struct address_range *range);

/* What [address, end) shows of objects is about to leave the ranges, and its pages have been
 * flushed: the mappings that nothing is left of, which are due for space_drop_mappings. */
struct memory_mapping *space_release_objects(struct space *space, uint64_t address, uint64_t end);
/* Without any lock, during a change. */
void space_drop_mappings(struct space *space, struct memory_mapping *gone);

/* Waits until no CPU uses any more what the step from `address` on took away, or others before it.
 * The caller loses the lock. */
void space_flush_and_unlock(struct space *space, uint64_t address, const struct space_step *step);

/* object_fault.c: the frame of a page in a range of an object. The lock may be let go meanwhile. */
MUST_CHECK status_t space_resolve_object(struct space *space, uint64_t page, uint32_t access,
                                         paddr_t *frame_out);
