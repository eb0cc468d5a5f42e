#include "core/address_ranges.h"

#include "core/address_tree.h"
#include "core/align.h"
#include "core/assert.h"

#define PAGE ((uint64_t)CAPOS_PAGE_SIZE)
#define HUGE_HOLES 8u /* at most so many holes are not told apart by their size */

static uint64_t end_of(const struct address_range *range) {
    return address_range_end(range);
}

void address_ranges_init(struct address_ranges *ranges, uint64_t low, uint64_t high) {
    /* Sums of a few sizes inside the space never wrap. */
    ASSERT(low < high && high <= UINT64_C(1) << 62 && (low | high) % PAGE == 0);
    *ranges =
        (struct address_ranges){.low = low, .high = high, .gap_limit = (high - low) / HUGE_HOLES};
}

struct address_range *address_ranges_find_before(const struct address_ranges *ranges,
                                                 uint64_t address) {
    struct address_range *node = ranges->root;
    struct address_range *best = NULL;
    while (node != NULL) {
        if (node->start < address) {
            best = node;
            node = node->right;
        } else {
            node = node->left;
        }
    }
    return best;
}

bool address_ranges_is_free(struct address_ranges *ranges, uint64_t start, uint64_t size) {
    const struct address_range *range = address_ranges_find_from(ranges, start);
    return range == NULL || (range->start >= start && range->start - start >= size);
}

bool address_ranges_is_kind(struct address_ranges *ranges, uint64_t start, uint64_t size,
                            uint32_t kind) {
    const struct address_range *range = address_ranges_find(ranges, start);
    uint64_t at = start;
    while (range != NULL && range->start <= at && range->kind == kind) {
        if (end_of(range) - start >= size) {
            return true;
        }
        at = end_of(range);
        range = range->next;
    }
    return false;
}

/* The lowest hole of at least `size` bytes at or above `hole`, or UINT64_MAX. */
static uint64_t find_hole_from(struct address_ranges *ranges, uint64_t hole, uint64_t size) {
    const struct address_range *range = address_ranges_find_from(ranges, hole);
    if (range != NULL) {
        if (range->start > hole && range->start - hole >= size) {
            return hole;
        }
        const struct address_range *above = address_tree_find_hole(ranges, range, size);
        if (above != NULL) {
            return end_of(above->previous);
        }
        hole = address_tree_end(ranges);
    }
    ASSERT(hole <= ranges->high);
    return ranges->high - hole >= size ? hole : UINT64_MAX;
}

status_t address_ranges_find_free(struct address_ranges *ranges, uint64_t from, uint64_t size,
                                  uint64_t alignment, uint64_t *start_out) {
    if (size == 0 || size % PAGE != 0 || alignment < PAGE || !is_power_of_two(alignment)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    if (size > ranges->high || alignment > ranges->high || from > ranges->high) {
        return CAPOS_E_NOT_FOUND;
    }
    /* Two guards, and what rounding up may cost: a hole of this size fits wherever it begins. */
    uint64_t need = PAGE + (alignment - PAGE) + size + PAGE;
    uint64_t lowest = round_up(from, PAGE);
    lowest = lowest >= ranges->low + PAGE ? lowest - PAGE : ranges->low;
    uint64_t hole = find_hole_from(ranges, lowest, need);
    if (hole == UINT64_MAX) {
        return CAPOS_E_NOT_FOUND;
    }
    *start_out = round_up(hole + PAGE, alignment);
    ASSERT_SLOW(address_ranges_is_free(ranges, *start_out - PAGE, size + 2 * PAGE));
    return CAPOS_OK;
}

status_t address_ranges_insert(struct address_ranges *ranges, struct address_range *node) {
    ASSERT_SLOW(address_ranges_is_valid(ranges, node->start, node->size));
    if (!address_tree_insert(ranges, node)) {
        return CAPOS_E_EXISTS;
    }
    node->generation = ++ranges->generation;
    return CAPOS_OK;
}

static struct address_range *split(struct address_ranges *ranges, struct address_range *range,
                                   uint64_t address, struct address_pool *pool) {
    return address_tree_split(ranges, range, address, address_pool_pop(pool));
}

static bool can_merge(const struct address_range *left, const struct address_range *right) {
    return end_of(left) == right->start && left->kind == right->kind &&
           left->protection == right->protection && left->tag == right->tag &&
           left->generation == right->generation;
}

/* Merges equal neighbours from a range on, as far as `end`. */
static void merge_from(struct address_ranges *ranges, struct address_range *range, uint64_t end,
                       struct address_pool *pool) {
    while (range->next != NULL && range->next->start <= end) {
        if (can_merge(range, range->next)) {
            struct address_range *freed;
            range = address_tree_merge_next(ranges, range, &freed);
            address_pool_push(pool, freed);
        } else {
            range = range->next;
        }
    }
}

void address_ranges_merge(struct address_ranges *ranges, struct address_pool *pool) {
    while (ranges->unmerged_count > 0) {
        struct address_range *range = ranges->unmerged[--ranges->unmerged_count];
        range->is_unmerged = false;
        merge_from(ranges, range->previous != NULL ? range->previous : range, end_of(range), pool);
    }
}

static bool differs(const struct address_range *range, uint32_t kind, uint32_t protection) {
    return range->protection != protection || (kind != ADDRESS_KIND_KEEP && range->kind != kind);
}

static void change(struct address_range *range, uint32_t kind, uint32_t protection) {
    range->kind = kind == ADDRESS_KIND_KEEP ? range->kind : kind;
    range->protection = protection;
}

/* A range is often changed to and fro, as code is that is written and run by turns: it stays apart
 * from what it is equal to, so that no node comes and goes. False when too many do. */
static bool stays_apart(struct address_ranges *ranges, struct address_range *range) {
    if (range->is_unmerged) {
        return true;
    }
    if (ranges->unmerged_count == ADDRESS_UNMERGED_MAX) {
        return false;
    }
    range->is_unmerged = true;
    ranges->unmerged[ranges->unmerged_count++] = range;
    return true;
}

status_t address_ranges_set(struct address_ranges *ranges, uint64_t start, uint64_t size,
                            uint32_t kind, uint32_t protection, struct address_pool *pool) {
    ASSERT_SLOW(address_ranges_is_valid(ranges, start, size));
    uint64_t end = start + size;
    struct address_range *first = address_ranges_find_from(ranges, start);
    if (first == NULL || first->start >= end) {
        return CAPOS_OK;
    }
    if (first->start == start && first->size == size && stays_apart(ranges, first)) {
        change(first, kind, protection);
        return CAPOS_OK;
    }
    address_ranges_merge(ranges, pool);
    first = address_ranges_find_from(ranges, start);
    struct address_range *last =
        end_of(first) >= end ? first : address_ranges_find_before(ranges, end);
    bool split_first = first->start < start && differs(first, kind, protection);
    bool split_last = end_of(last) > end && differs(last, kind, protection);
    if (pool->count < (size_t)split_first + (size_t)split_last) {
        return CAPOS_E_TOO_LARGE;
    }
    if (split_last) {
        struct address_range *upper = split(ranges, last, end, pool);
        first = first == last ? upper->previous : first;
    }
    if (split_first) {
        first = split(ranges, first, start, pool);
    }
    for (struct address_range *range = first; range != NULL && range->start < end;
         range = range->next) {
        change(range, kind, protection);
    }
    merge_from(ranges, first->previous != NULL ? first->previous : first, end, pool);
    return CAPOS_OK;
}

status_t address_ranges_remove(struct address_ranges *ranges, uint64_t start, uint64_t size,
                               struct address_pool *pool) {
    ASSERT_SLOW(address_ranges_is_valid(ranges, start, size));
    uint64_t end = start + size;
    struct address_range *range = address_ranges_find_from(ranges, start);
    if (range != NULL && range->start < start && end_of(range) > end) {
        address_ranges_merge(ranges, pool);
        range = address_ranges_find_from(ranges, start);
        if (pool->count == 0) {
            return CAPOS_E_TOO_LARGE;
        }
        range = split(ranges, range, end, pool)->previous;
    }
    while (range != NULL && range->start < end) {
        struct address_range *next = range->next;
        if (range->start < start) {
            address_tree_resize(ranges, range, range->start, start);
        } else if (end_of(range) > end) {
            address_tree_resize(ranges, range, end, end_of(range));
        } else {
            address_tree_remove(ranges, range);
            address_pool_push(pool, range);
        }
        range = next;
    }
    return CAPOS_OK;
}

void address_ranges_check(const struct address_ranges *ranges) {
    address_tree_check(ranges);
    const struct address_range *range = ranges->root;
    while (range != NULL && range->previous != NULL) {
        range = range->previous;
    }
    for (; range != NULL; range = range->next) {
        ASSERT(address_ranges_is_valid(ranges, range->start, range->size));
        ASSERT(range->generation != 0 && range->generation <= ranges->generation);
    }
}
