#include "kernel/mm/space_parts.h"

/* So many neighbours, on either side, are told as one run: the lock is held meanwhile. */
#define RUN_RANGES_MAX 1024u

static uint32_t kind_of(const struct address_range *range) {
    return range->kind == SPACE_DYING ? SPACE_RESERVED : range->kind;
}

/* Whether two ranges that lie one behind the other look the same to a program. */
static bool is_one_run(const struct address_range *below, const struct address_range *above) {
    return below != NULL && above != NULL && address_range_end(below) == above->start &&
           kind_of(below) == kind_of(above) && below->protection == above->protection;
}

static void query_range(struct space *space, const struct address_range *range,
                        struct space_run *run) {
    const struct address_range *first = range, *last = range;
    for (uint32_t i = 0; i < RUN_RANGES_MAX && is_one_run(first->previous, first); i++) {
        first = first->previous;
    }
    for (uint32_t i = 0; i < RUN_RANGES_MAX && is_one_run(last, last->next); i++) {
        last = last->next;
    }
    run->start = first->start;
    run->size = address_range_end(last) - first->start;
    run->kind = kind_of(range);
    run->protection = range->protection;
    run->is_committed = space_kind_is_committed(range->kind);
    if (run->is_committed) {
        run->resident_pages = space_count_resident(space, run->start, run->start + run->size);
    }
}

static void query_hole(struct space *space, uint64_t address, struct space_run *run) {
    const struct address_range *below = address_ranges_find_before(&space->ranges, address);
    const struct address_range *above =
        below == NULL ? address_ranges_find_from(&space->ranges, address) : below->next;
    run->start = below == NULL ? USER_LOW : address_range_end(below);
    run->size = (above == NULL ? USER_HIGH : above->start) - run->start;
}

void space_query(struct space *space, uint64_t address, struct space_run *run) {
    *run = (struct space_run){.start = USER_LOW, .size = USER_HIGH - USER_LOW};
    spinlock_lock(&space->lock);
    if (!space->dying) {
        const struct address_range *range = address_ranges_find(&space->ranges, address);
        if (range != NULL) {
            query_range(space, range, run);
        } else {
            query_hole(space, address, run);
        }
        run->page_size = space_page_size(space, address);
    }
    spinlock_unlock(&space->lock);
}
