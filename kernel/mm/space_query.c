#include "kernel/mm/space_parts.h"

void space_query(struct space *space, uint64_t address, struct space_run *run) {
    spinlock_lock(&space->lock);
    struct address_range *range =
        space->dying ? NULL : address_ranges_find(&space->ranges, address);
    memset(run, 0, sizeof *run);
    if (range != NULL) {
        *run = (struct space_run){.start = range->start,
                                  .size = range->size,
                                  .kind = range->kind,
                                  .protection = range->protection};
        run->kind = space_kind_is_committed(run->kind) ? run->kind : SPACE_RESERVED;
        run->resident_pages = space_kind_is_committed(run->kind)
                                  ? space_count_resident(space, run->start, run->start + run->size)
                                  : 0;
    } else {
        struct address_range *below =
            space->dying ? NULL : address_ranges_find_before(&space->ranges, address);
        struct address_range *above =
            space->dying ? NULL : address_ranges_find_from(&space->ranges, address);
        run->start = below == NULL ? USER_LOW : below->start + below->size;
        run->size = (above == NULL ? USER_HIGH : above->start) - run->start;
    }
    spinlock_unlock(&space->lock);
}
