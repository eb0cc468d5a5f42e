#include "kernel/mm/space_parts.h"
#include "kernel/sched/park.h"

static uint64_t overlap(const struct address_range *range, uint64_t address, uint64_t size) {
    uint64_t low = range->start > address ? range->start : address;
    uint64_t high =
        range->start + range->size < address + size ? range->start + range->size : address + size;
    return high > low ? high - low : 0;
}

struct survey {
    uint64_t committed_bytes;
    bool has_objects;
};

/* What there is in the range. Refused when part of it is fixed, when somebody else is unmapping
 * part of it just now, or when the nodes for splits are missing. */
static status_t survey(struct space *space, uint64_t address, uint64_t size, struct survey *found) {
    *found = (struct survey){0};
    if (space->dying) {
        return CAPOS_E_DISCONNECTED;
    }
    uint32_t splits = 0;
    const struct address_range *range = address_ranges_find_from(&space->ranges, address);
    for (; range != NULL && range->start < address + size; range = range->next) {
        splits += range->start < address;
        splits += address_range_end(range) > address + size;
        if (space_kind_is_fixed(range->kind)) {
            return CAPOS_E_NOT_PERMITTED;
        }
        if (range->kind == SPACE_DYING) {
            return CAPOS_E_BUSY;
        }
        bool is_object = range->kind == SPACE_OBJECT;
        found->has_objects |= is_object;
        if (range->kind == SPACE_ANONYMOUS || (is_object && space_object_is_committed(range))) {
            found->committed_bytes += overlap(range, address, size);
        }
    }
    return space->nodes.count < splits ? CAPOS_E_NO_MEMORY : CAPOS_OK;
}

void space_remove_ranges(struct space *space, uint64_t address, uint64_t size) {
    status_t status = address_ranges_remove(&space->ranges, address, size, &space->nodes);
    ASSERT(status == CAPOS_OK);
    (void)space_fill_nodes(space, 0); /* for the next one; if it fails, that one is refused */
}

/* Marks what is to be unmapped: nobody else can do anything with it, and no other unmap takes it
 * for its own, since it gets a generation that nothing else has. */
static uint64_t mark_dying(struct space *space, uint64_t address, uint64_t size) {
    space_set_ranges(space, address, size, SPACE_DYING, PROTECT_NONE);
    uint64_t generation = ++space->ranges.generation;
    struct address_range *range = address_ranges_find_from(&space->ranges, address);
    for (; range != NULL && range->start < address + size; range = range->next) {
        range->generation = generation;
    }
    return generation;
}

/* The next range of this unmap, which may have holes that others fill meanwhile; or NULL. */
static const struct address_range *find_dying(struct space *space, uint64_t address, uint64_t end,
                                              uint64_t generation) {
    const struct address_range *range = address_ranges_find_from(&space->ranges, address);
    while (range != NULL && range->start < end) {
        if (range->generation == generation) {
            return range;
        }
        range = range->next;
    }
    return NULL;
}

/* The end of an unmap in one step, which is done and flushed. The caller has the lock, and loses
 * it. */
static void end_unmap_and_unlock(struct space *space, struct space_change *change, bool has_objects,
                                 const struct space_step *step) {
    struct memory_mapping *gone = NULL;
    if (has_objects) {
        gone = space_release_objects(space, change->address, change->end);
        space_begin_change(space, change);
    }
    space_remove_ranges(space, change->address, change->end - change->address);
    space_give_batch(space, step);
    spinlock_unlock(&space->lock);
    if (has_objects) {
        space_drop_mappings(space, gone);
        space_end_steps(space, change);
    }
}

/* Empties what a first step has left of ranges that are dying. */
static void drop_dying(struct space *space, const struct space_change *change, uint64_t address,
                       uint64_t generation) {
    while (address < change->end) {
        spinlock_lock(&space->lock);
        const struct address_range *range = find_dying(space, address, change->end, generation);
        uint64_t start = range != NULL ? range->start : change->end;
        uint64_t end = range != NULL ? address_range_end(range) : change->end;
        spinlock_unlock(&space->lock);
        space_drop_pages(space, start > address ? start : address, end, SPACE_DYING, change);
        address = end;
    }
}

/* Takes the ranges out that are dying and empty, and ends the change. */
static void remove_dying(struct space *space, struct space_change *change, bool has_objects,
                         uint64_t generation) {
    const struct address_range *range;
    uint64_t at = change->address;
    spinlock_lock(&space->lock);
    while ((range = find_dying(space, at, change->end, generation)) != NULL) {
        uint64_t start = range->start;
        at = address_range_end(range);
        struct memory_mapping *gone = has_objects ? space_release_objects(space, start, at) : NULL;
        space_remove_ranges(space, start, at - start);
        if (gone != NULL) {
            spinlock_unlock(&space->lock);
            space_drop_mappings(space, gone);
            spinlock_lock(&space->lock);
        }
    }
    space_end_change_and_unlock(space, change);
}

/*
 * Takes away whatever is in the range, which survey has not refused. The caller has the lock, and
 * loses it. Addresses stay taken until their pages are gone and flushed, so that nobody maps
 * something new there that would be dropped with the old, or seen through an old translation.
 */
static void take_away_and_unlock(struct space *space, uint64_t address, uint64_t size,
                                 bool has_objects) {
    struct space_change change = {.address = address, .end = address + size};
    park_drain_range(space, address, size);
    struct space_step step = space_collect_pages(space, address, change.end);
    if (step.end == change.end && space_is_flushed(space, address, &step, NULL)) {
        end_unmap_and_unlock(space, &change, has_objects, &step);
        return;
    }
    uint64_t generation = mark_dying(space, address, size);
    space_begin_steps(space, &change, &step);
    drop_dying(space, &change, step.end, generation);
    remove_dying(space, &change, has_objects, generation);
}

status_t space_unmap_and_unlock(struct space *space, uint64_t address, uint64_t size) {
    struct survey found;
    status_t status = survey(space, address, size, &found);
    if (status != CAPOS_OK) {
        spinlock_unlock(&space->lock);
        return status;
    }
    space->committed_bytes -= found.committed_bytes;
    take_away_and_unlock(space, address, size, found.has_objects);
    return CAPOS_OK;
}

status_t space_unmap(struct space *space, uint64_t address, uint64_t size) {
    if (!address_ranges_is_valid(&space->ranges, address, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    spinlock_lock(&space->lock);
    return space_unmap_and_unlock(space, address, size);
}

void space_unmap_fixed(struct space *space, uint64_t address, uint64_t size) {
    spinlock_lock(&space->lock);
    take_away_and_unlock(space, address, size, false); /* whole ranges: nothing is split */
}
