#include "core/address_ranges.h"

#include "capos/abi.h"
#include "core/address_tree.h"
#include "core/align.h"
#include "core/assert.h"

#define PAGE ((uint64_t)CAPOS_PAGE_SIZE)

static uint64_t end_of(const struct address_range *range) {
    return range->start + range->size;
}

void address_ranges_init(struct address_ranges *ranges, uint64_t low, uint64_t high) {
    /* Sums of a few sizes inside the space never wrap. */
    ASSERT(low < high && high <= UINT64_C(1) << 62 && (low | high) % PAGE == 0);
    *ranges = (struct address_ranges){.low = low, .high = high};
}

struct address_range *address_ranges_find_from(const struct address_ranges *ranges,
                                               uint64_t address) {
    struct address_range *found = NULL;
    struct address_range *node = ranges->root;
    while (node != NULL) {
        if (address < end_of(node)) {
            found = node;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return found;
}

struct address_range *address_ranges_find(const struct address_ranges *ranges, uint64_t address) {
    struct address_range *range = address_ranges_find_from(ranges, address);
    return range != NULL && range->start <= address ? range : NULL;
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

struct address_range *address_ranges_next(const struct address_range *range) {
    if (range->right != NULL) {
        struct address_range *next = range->right;
        while (next->left != NULL) {
            next = next->left;
        }
        return next;
    }
    while (range->parent != NULL && range->parent->right == range) {
        range = range->parent;
    }
    return range->parent;
}

bool address_ranges_is_valid(const struct address_ranges *ranges, uint64_t start, uint64_t size) {
    return (start | size) % PAGE == 0 && size != 0 && start >= ranges->low &&
           start < ranges->high && size <= ranges->high - start;
}

bool address_ranges_is_free(const struct address_ranges *ranges, uint64_t start, uint64_t size) {
    const struct address_range *range = address_ranges_find_from(ranges, start);
    return range == NULL || (range->start >= start && range->start - start >= size);
}

/* The range that holds the first byte, if ranges cover all of it without a hole; else NULL. */
static struct address_range *find_covering(const struct address_ranges *ranges, uint64_t start,
                                           uint64_t size) {
    struct address_range *first = address_ranges_find(ranges, start);
    const struct address_range *range = first;
    while (range != NULL && end_of(range) - start < size) {
        const struct address_range *next = address_ranges_next(range);
        if (next == NULL || next->start != end_of(range)) {
            return NULL;
        }
        range = next;
    }
    return first;
}

bool address_ranges_is_kind(const struct address_ranges *ranges, uint64_t start, uint64_t size,
                            uint32_t kind) {
    const struct address_range *range = find_covering(ranges, start, size);
    if (range == NULL) {
        return false;
    }
    for (; range != NULL && range->start < start + size; range = address_ranges_next(range)) {
        if (range->kind != kind) {
            return false;
        }
    }
    return true;
}

/* The lowest hole of at least `size` bytes at or above `hole`, or UINT64_MAX. */
static uint64_t find_hole_from(const struct address_ranges *ranges, uint64_t hole, uint64_t size) {
    const struct address_range *range = address_ranges_find_from(ranges, hole);
    if (range != NULL) {
        if (range->start > hole && range->start - hole >= size) {
            return hole;
        }
        uint64_t between = address_tree_find_hole(range, size);
        if (between != UINT64_MAX) {
            return between;
        }
        hole = ranges->root->subtree_end;
    }
    ASSERT(hole <= ranges->high);
    return ranges->high - hole >= size ? hole : UINT64_MAX;
}

status_t address_ranges_find_free(const struct address_ranges *ranges, uint64_t from, uint64_t size,
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
    ASSERT(address_ranges_is_free(ranges, *start_out - PAGE, size + 2 * PAGE));
    return CAPOS_OK;
}

status_t address_ranges_insert(struct address_ranges *ranges, struct address_range *node) {
    if (!address_ranges_is_valid(ranges, node->start, node->size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    if (!address_ranges_is_free(ranges, node->start, node->size)) {
        return CAPOS_E_EXISTS;
    }
    node->generation = ++ranges->generation;
    address_tree_insert(ranges, node);
    return CAPOS_OK;
}

static size_t count_spares(struct address_range *spare[2]) {
    return (size_t)(spare[0] != NULL) + (size_t)(spare[1] != NULL);
}

static struct address_range *take_spare(struct address_range *spare[2]) {
    size_t index = spare[0] != NULL ? 0 : 1;
    struct address_range *node = spare[index];
    ASSERT(node != NULL);
    spare[index] = NULL;
    return node;
}

static void push_freed(struct address_range **freed, struct address_range *node) {
    node->right = *freed;
    *freed = node;
}

static void resize(struct address_ranges *ranges, struct address_range *range, uint64_t start,
                   uint64_t end) {
    ASSERT(start < end);
    range->start = start;
    range->size = end - start;
    address_tree_resized(ranges, range);
}

/* Cuts a range in two at an address inside it; both parts stay the same mapping, so the upper one,
 * which is returned, keeps the generation too. */
static struct address_range *split(struct address_ranges *ranges, struct address_range *range,
                                   uint64_t address, struct address_range *node) {
    *node = (struct address_range){
        .start = address,
        .size = end_of(range) - address,
        .kind = range->kind,
        .protection = range->protection,
        .tag = range->tag,
        .generation = range->generation,
    };
    resize(ranges, range, range->start, address);
    address_tree_insert(ranges, node);
    return node;
}

static bool can_merge(const struct address_range *left, const struct address_range *right) {
    return end_of(left) == right->start && left->kind == right->kind &&
           left->protection == right->protection && left->tag == right->tag &&
           left->generation == right->generation;
}

/* Merges equal neighbours among the ranges that touch [start, end]. */
static void merge_around(struct address_ranges *ranges, uint64_t start, uint64_t end,
                         struct address_range **freed) {
    uint64_t before = start > ranges->low ? start - 1 : start;
    struct address_range *range = address_ranges_find_from(ranges, before);
    while (range != NULL) {
        struct address_range *next = address_ranges_next(range);
        if (next == NULL || next->start > end) {
            break;
        }
        if (can_merge(range, next)) {
            uint64_t merged_end = end_of(next);
            address_tree_remove(ranges, next);
            resize(ranges, range, range->start, merged_end);
            push_freed(freed, next);
        } else {
            range = next;
        }
    }
}

status_t address_ranges_set(struct address_ranges *ranges, uint64_t start, uint64_t size,
                            uint32_t kind, uint32_t protection, struct address_range *spare[2],
                            struct address_range **freed) {
    *freed = NULL;
    if (!address_ranges_is_valid(ranges, start, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    struct address_range *first = find_covering(ranges, start, size);
    if (first == NULL) {
        return CAPOS_E_BAD_ADDRESS;
    }
    uint64_t end = start + size;
    struct address_range *last = address_ranges_find(ranges, end - 1);
    bool split_first =
        first->start < start && (first->kind != kind || first->protection != protection);
    bool split_last = end_of(last) > end && (last->kind != kind || last->protection != protection);
    if (count_spares(spare) < (size_t)split_first + (size_t)split_last) {
        return CAPOS_E_TOO_LARGE;
    }
    if (split_last) {
        split(ranges, last, end, take_spare(spare));
    }
    if (split_first) {
        first = split(ranges, first, start, take_spare(spare));
    }
    for (struct address_range *range = first; range != NULL && range->start < end;
         range = address_ranges_next(range)) {
        range->kind = kind;
        range->protection = protection;
    }
    merge_around(ranges, start, end, freed);
    return CAPOS_OK;
}

status_t address_ranges_remove(struct address_ranges *ranges, uint64_t start, uint64_t size,
                               struct address_range *spare[2], struct address_range **freed) {
    *freed = NULL;
    if (!address_ranges_is_valid(ranges, start, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    uint64_t end = start + size;
    struct address_range *range = address_ranges_find_from(ranges, start);
    if (range != NULL && range->start < start && end_of(range) > end) {
        if (count_spares(spare) == 0) {
            return CAPOS_E_TOO_LARGE;
        }
        split(ranges, range, end, take_spare(spare));
    }
    while (range != NULL && range->start < end) {
        struct address_range *next = address_ranges_next(range);
        if (range->start < start) {
            resize(ranges, range, range->start, start);
        } else if (end_of(range) > end) {
            resize(ranges, range, end, end_of(range));
        } else {
            address_tree_remove(ranges, range);
            push_freed(freed, range);
        }
        range = next;
    }
    return CAPOS_OK;
}

void address_ranges_check(const struct address_ranges *ranges) {
    address_tree_check(ranges);
    const struct address_range *range = address_ranges_find_from(ranges, 0);
    for (; range != NULL; range = address_ranges_next(range)) {
        ASSERT(address_ranges_is_valid(ranges, range->start, range->size));
        ASSERT(range->generation != 0 && range->generation <= ranges->generation);
    }
}
