#pragma once
/*
 * The regions of an address space: disjoint ranges [start, start + size), each with a kind and a
 * protection, kept in a balanced tree that is ordered by address.
 *
 * Rules
 * - The caller holds the mapping lock of the space and provides every node.
 * - Starts and sizes are multiples of 4096 and ranges never wrap.
 * - What a change needs in nodes is known before it starts, so that it can be refused whole:
 *   removal of a middle part needs one, address_ranges_set at most two.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

struct address_range {
    uint64_t start, size;
    uint32_t kind;       /* the environment's; ranges of different kinds are never merged */
    uint32_t protection; /* bits 0-2: read, write, execute */
    uint64_t tag;        /* the environment's: compared for merging, kept by splits */
    /* private to address_ranges.c */
    struct address_range *left, *right, *parent;
    int32_t height;
    uint64_t subtree_start, subtree_end;
    uint64_t gap_max;    /* largest hole between two nodes of this subtree */
    uint64_t generation; /* of the mapping: kept by splits, never the same in two insertions */
};

struct address_ranges {
    struct address_range *root;
    uint64_t low, high; /* the space is [low, high) */
    size_t count;
    uint64_t generation; /* of the last insertion */
};

void address_ranges_init(struct address_ranges *ranges, uint64_t low, uint64_t high);

/* The range that contains address, or NULL. */
struct address_range *address_ranges_find(const struct address_ranges *ranges, uint64_t address);

/* The range that contains address, or else the next one above, or NULL. */
struct address_range *address_ranges_find_from(const struct address_ranges *ranges,
                                               uint64_t address);
struct address_range *address_ranges_next(const struct address_range *range);

/* The last range that starts below address, or NULL. */
struct address_range *address_ranges_find_before(const struct address_ranges *ranges,
                                                 uint64_t address);

/* True when [start, start+size) lies in [low, high), is aligned, not empty, and does not wrap. */
bool address_ranges_is_valid(const struct address_ranges *ranges, uint64_t start, uint64_t size);
bool address_ranges_is_free(const struct address_ranges *ranges, uint64_t start, uint64_t size);

/* True when every byte is in ranges whose kind is `kind`. */
bool address_ranges_is_kind(const struct address_ranges *ranges, uint64_t start, uint64_t size,
                            uint32_t kind);

/* The lowest address >= from that has `size` free bytes with a free guard page on either side, all
 * inside the space, and is a multiple of alignment (a power of two >= 4096). notFound when there is
 * none. O(log n), for which a hole counts only if it would fit wherever it began: alignments above
 * 4096 pass over tight ones. */
MUST_CHECK status_t address_ranges_find_free(const struct address_ranges *ranges, uint64_t from,
                                             uint64_t size, uint64_t alignment,
                                             uint64_t *start_out);

/* Inserts a node whose start, size, kind, protection and tag are filled in. exists on overlap,
 * invalidArgument when it is not valid. Never merges. */
MUST_CHECK status_t address_ranges_insert(struct address_ranges *ranges,
                                          struct address_range *node);

/*
 * Changes kind and protection of [start, start+size), all of which must be in ranges, splitting
 * where needed and merging equal neighbours afterwards. spare[0..spare_count) are unused nodes;
 * nodes that were taken are set to NULL, and nodes that merging frees are returned in the list
 * *freed (linked by right, NULL when there are none). Ranges are equal in kind, protection, tag and
 * generation. Refused, with nothing changed: invalidArgument for a range that is not valid,
 * badAddress for a hole in it, tooLarge when spares do not suffice.
 */
MUST_CHECK status_t address_ranges_set(struct address_ranges *ranges, uint64_t start, uint64_t size,
                                       uint32_t kind, uint32_t protection,
                                       struct address_range *spare[2],
                                       struct address_range **freed);

/* Removes [start, start+size): whole nodes go to *freed, partial ones are cut, a middle part needs
 * one spare. Holes in the range are fine. Refused as address_ranges_set, but for holes. */
MUST_CHECK status_t address_ranges_remove(struct address_ranges *ranges, uint64_t start,
                                          uint64_t size, struct address_range *spare[2],
                                          struct address_range **freed);

void address_ranges_check(const struct address_ranges *ranges);
