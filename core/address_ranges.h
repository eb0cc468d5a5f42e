#pragma once
/*
 * The regions of an address space: disjoint ranges [start, start + size), each with a kind and a
 * protection, kept in a balanced tree and a list that are ordered by address.
 *
 * Rules
 * - The caller holds the mapping lock of the space and provides every node.
 * - Starts and sizes are multiples of 4096 and ranges never wrap.
 * - What a change needs in nodes is known before it starts, so that it can be refused whole:
 *   removal of a middle part needs one, address_ranges_set at most two. Nodes that a change frees
 * go to the pool that it takes from.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capos/abi.h"
#include "core/status.h"

struct address_range {
    uint64_t start, size;
    uint32_t kind;       /* the environment's; ranges of different kinds are never merged */
    uint32_t protection; /* bits 0-2: read, write, execute; the others are the environment's */
    uint64_t tag;        /* the environment's: compared for merging, kept by splits */
    uint64_t generation; /* of the mapping: kept by splits, never the same in two insertions */
    struct address_range *previous, *next; /* by address; in a pool, next alone */
    /* private to address_tree.c */
    struct address_range *left, *right, *parent;
    int32_t height;
    bool is_unmerged; /* and in the list of those */
    uint64_t gap_max; /* the largest hole just below a node of this subtree, or gap_limit */
};

/* So many ranges may wait to be merged, for as many threads that change one each to and fro. */
#define ADDRESS_UNMERGED_MAX 8u

struct address_ranges {
    struct address_range *root;
    uint64_t low, high; /* the space is [low, high) */
    uint64_t gap_limit; /* holes of this size or more, of which there are few, are alike */
    size_t count;
    uint64_t generation;          /* of the last insertion */
    struct address_range *recent; /* that was looked up last, or NULL */
    /* Those that were changed as a whole: of two neighbours that are equal, one is among them. */
    struct address_range *unmerged[ADDRESS_UNMERGED_MAX];
    uint32_t unmerged_count;
};

/* Nodes that are not in use. */
struct address_pool {
    struct address_range *first; /* linked by next */
    size_t count;
};

static inline void address_pool_push(struct address_pool *pool, struct address_range *node) {
    node->next = pool->first;
    pool->first = node;
    pool->count++;
}

/* A node with undefined contents. The pool is not empty. */
static inline struct address_range *address_pool_pop(struct address_pool *pool) {
    struct address_range *node = pool->first;
    pool->first = node->next;
    pool->count--;
    return node;
}

void address_ranges_init(struct address_ranges *ranges, uint64_t low, uint64_t high);

static inline uint64_t address_range_end(const struct address_range *range) {
    return range->start + range->size;
}

/* The range that contains address, or else the next one above, or NULL. */
static inline struct address_range *address_ranges_find_from(struct address_ranges *ranges,
                                                             uint64_t address) {
    struct address_range *found = ranges->recent;
    if (found != NULL && address - found->start < found->size) {
        return found;
    }
    found = NULL;
    for (struct address_range *node = ranges->root; node != NULL;) {
        if (address < node->start) {
            found = node;
            node = node->left;
        } else if (address - node->start < node->size) {
            ranges->recent = node;
            return node;
        } else {
            node = node->right;
        }
    }
    return found;
}

/* The range that contains address, or NULL. */
static inline struct address_range *address_ranges_find(struct address_ranges *ranges,
                                                        uint64_t address) {
    struct address_range *range = address_ranges_find_from(ranges, address);
    return range != NULL && range->start <= address ? range : NULL;
}

/* The last range that starts below address, or NULL. */
struct address_range *address_ranges_find_before(const struct address_ranges *ranges,
                                                 uint64_t address);

/* True when [start, start+size) lies in [low, high), is aligned, not empty, and does not wrap. */
static inline bool address_ranges_is_valid(const struct address_ranges *ranges, uint64_t start,
                                           uint64_t size) {
    return (start | size) % CAPOS_PAGE_SIZE == 0 && size != 0 && start >= ranges->low &&
           start < ranges->high && size <= ranges->high - start;
}
bool address_ranges_is_free(struct address_ranges *ranges, uint64_t start, uint64_t size);

/* True when every byte is in ranges whose kind is `kind`. */
bool address_ranges_is_kind(struct address_ranges *ranges, uint64_t start, uint64_t size,
                            uint32_t kind);

/* The lowest address >= from that has `size` free bytes with a free guard page on either side, all
 * inside the space, and is a multiple of alignment (a power of two >= 4096). notFound when there is
 * none. O(log n), for which a hole counts only if it would fit wherever it began: alignments above
 * 4096 pass over tight ones. */
MUST_CHECK status_t address_ranges_find_free(struct address_ranges *ranges, uint64_t from,
                                             uint64_t size, uint64_t alignment,
                                             uint64_t *start_out);

/* Inserts a node whose start, size (which must be valid), kind, protection and tag are filled in.
 * exists on overlap. Never merges. */
MUST_CHECK status_t address_ranges_insert(struct address_ranges *ranges,
                                          struct address_range *node);

/* In place of a kind: each range keeps its own. */
#define ADDRESS_KIND_KEEP UINT32_MAX

/*
 * Changes kind and protection of all that lies in [start, start+size), splitting where needed and
 * merging neighbours that are equal in kind, protection, tag and generation afterwards; but a few
 * ranges that are changed as a whole wait for that until one has to be split. Holes are passed
 * over. tooLarge, with nothing changed, when the pool does not suffice. The range must be valid.
 */
MUST_CHECK status_t address_ranges_set(struct address_ranges *ranges, uint64_t start, uint64_t size,
                                       uint32_t kind, uint32_t protection,
                                       struct address_pool *pool);

/* Merges what waits for it. */
void address_ranges_merge(struct address_ranges *ranges, struct address_pool *pool);

/* Removes [start, start+size): whole nodes go to the pool, partial ones are cut, a middle part
 * needs one. Holes in the range are fine. Refused as address_ranges_set. */
MUST_CHECK status_t address_ranges_remove(struct address_ranges *ranges, uint64_t start,
                                          uint64_t size, struct address_pool *pool);

void address_ranges_check(const struct address_ranges *ranges);
