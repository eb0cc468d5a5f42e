#include "kernel/mm/space_parts.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/flush.h"
#include "kernel/sched/park.h"

/* Programs that do not name an address get one from here on: below 1 << 40, as Go's heap needs. */
#define SPACE_CHOOSE_LOW UINT64_C(0x100000000)

/* What a change of ranges may take: both ends may be inside one. */
#define SPLIT_NODES 2u

static bool is_protection_valid(uint32_t protection) {
    bool write_only = (protection & PROTECT_WRITE) != 0 && (protection & PROTECT_READ) == 0;
    bool write_execute = (protection & PROTECT_WRITE) != 0 && (protection & PROTECT_EXECUTE) != 0;
    return protection <= 7 && !write_only && !write_execute;
}

status_t space_charge_commit_locked(struct space *space, uint64_t size) {
    if (size > space->commit_limit - space->committed_bytes) {
        return CAPOS_E_OVER_QUOTA;
    }
    space->committed_bytes += size;
    return CAPOS_OK;
}

status_t space_charge_commit(struct space *space, uint64_t size) {
    spinlock_lock(&space->lock);
    status_t status = space->dying ? CAPOS_E_DISCONNECTED : space_charge_commit_locked(space, size);
    spinlock_unlock(&space->lock);
    return status;
}

void space_refund_commit(struct space *space, uint64_t size) {
    spinlock_lock(&space->lock);
    space->committed_bytes -= size;
    spinlock_unlock(&space->lock);
}

status_t space_map_locked(struct space *space, uint64_t hint, uint64_t size, uint32_t kind,
                          uint32_t protection, uint64_t tag, uint64_t *address_out) {
    uint64_t address = hint == 0 ? SPACE_CHOOSE_LOW : hint;
    if (!is_protection_valid(protection) ||
        !address_ranges_is_valid(&space->ranges, address, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    status_t status = CAPOS_OK;
    if (hint == 0) {
        status =
            address_ranges_find_free(&space->ranges, SPACE_CHOOSE_LOW, size, PAGE_SIZE, &address);
        status = status == CAPOS_OK ? status : CAPOS_E_NO_MEMORY;
    }
    if (status == CAPOS_OK && kind == SPACE_ANONYMOUS) {
        status = space_charge_commit_locked(space, size);
    }
    if (status != CAPOS_OK) {
        return status;
    }
    struct address_range *node = address_pool_pop(&space->nodes);
    node->start = address;
    node->size = size;
    node->kind = kind;
    node->protection = protection;
    node->tag = tag;
    status = address_ranges_insert(&space->ranges, node);
    if (status != CAPOS_OK) {
        address_pool_push(&space->nodes, node);
        space->committed_bytes -= kind == SPACE_ANONYMOUS ? size : 0;
        return status;
    }
    *address_out = address;
    return CAPOS_OK;
}

status_t space_map(struct space *space, uint64_t hint, uint64_t size, uint32_t kind,
                   uint32_t protection, uint64_t tag, uint64_t *address_out) {
    spinlock_lock(&space->lock);
    status_t status = space->dying ? CAPOS_E_DISCONNECTED : space_fill_nodes(space, 1);
    if (status == CAPOS_OK) {
        status = space_map_locked(space, hint, size, kind, protection, tag, address_out);
    }
    spinlock_unlock(&space->lock);
    return status;
}

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

/* What there is in the range. Refused when part of it is fixed, when somebody
 * else is unmapping part of it just now, or when the nodes for splits are missing. */
static status_t survey(struct space *space, uint64_t address, uint64_t size, struct survey *found) {
    *found = (struct survey){0};
    if (space->dying) {
        return CAPOS_E_DISCONNECTED;
    }
    if (space->nodes.count < SPLIT_NODES) {
        return CAPOS_E_NO_MEMORY;
    }
    const struct address_range *range = address_ranges_find_from(&space->ranges, address);
    for (; range != NULL && range->start < address + size; range = range->next) {
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
    return CAPOS_OK;
}

/* Changes the ranges where the nodes for it are there. */
static void set_ranges(struct space *space, uint64_t address, uint64_t size, uint32_t kind,
                       uint32_t protection) {
    status_t status =
        address_ranges_set(&space->ranges, address, size, kind, protection, &space->nodes);
    ASSERT(status == CAPOS_OK);
}

void space_remove_ranges(struct space *space, uint64_t address, uint64_t size) {
    status_t status = address_ranges_remove(&space->ranges, address, size, &space->nodes);
    ASSERT(status == CAPOS_OK);
    (void)space_fill_nodes(space, 0); /* for the next one; if it fails, that one is refused */
}

/* Marks what is to be unmapped: nobody else can do anything with it, and no other unmap takes it
 * for its own, since it gets a generation that nothing else has. */
static uint64_t mark_dying(struct space *space, uint64_t address, uint64_t size) {
    set_ranges(space, address, size, SPACE_DYING, PROTECT_NONE);
    uint64_t generation = ++space->ranges.generation;
    struct address_range *range = address_ranges_find_from(&space->ranges, address);
    for (; range != NULL && range->start < address + size; range = range->next) {
        range->generation = generation;
    }
    return generation;
}

/* The next range of this unmap, which may have holes that others fill meanwhile. */
static bool find_dying(struct space *space, uint64_t address, uint64_t end, uint64_t generation,
                       uint64_t *start, uint64_t *size) {
    spinlock_lock(&space->lock);
    const struct address_range *range = address_ranges_find_from(&space->ranges, address);
    while (range != NULL && range->generation != generation) {
        range = range->next;
    }
    bool found = range != NULL && range->start < end;
    if (found) {
        *start = range->start;
        *size = range->size;
    }
    spinlock_unlock(&space->lock);
    return found;
}

/* Begins steps without the lock, which the caller has, behind one that was done under it. */
static void begin_steps(struct space *space, uint64_t address, const struct space_step *first) {
    space->changes++;
    spinlock_unlock(&space->lock);
    flush_range(space, address, first->end - address);
    space_give_batch(space, first);
}

/* The last step of what space->changes counts. */
static void end_steps(struct space *space) {
    spinlock_lock(&space->lock);
    space->changes--;
    spinlock_unlock(&space->lock);
}

/* The end of an unmap in one step, which is done and flushed. The caller has the lock, and loses
 * it.
 */
static void end_unmap_and_unlock(struct space *space, uint64_t address, uint64_t size,
                                 bool has_objects, const struct space_step *step) {
    struct memory_mapping *gone = NULL;
    if (has_objects) {
        gone = space_release_objects(space, address, address + size);
        space->changes++;
    }
    space_remove_ranges(space, address, size);
    spinlock_unlock(&space->lock);
    space_give_batch(space, step);
    if (has_objects) {
        space_drop_mappings(space, gone);
        end_steps(space);
    }
}

/*
 * Takes away whatever is in the range, which survey has not refused. The caller has the lock, and
 * loses it. Addresses stay taken until their pages are gone and flushed, so that nobody maps
 * something new there that would be dropped with the old, or seen through an old translation.
 */
static void take_away_and_unlock(struct space *space, uint64_t address, uint64_t size,
                                 bool has_objects) {
    uint64_t end = address + size, start, part;
    park_drain_range(space, address, size);
    struct space_step step = space_collect_pages(space, address, end);
    if (step.end == end && space_is_flushed(space, address, &step)) {
        end_unmap_and_unlock(space, address, size, has_objects, &step);
        return;
    }
    uint64_t generation = mark_dying(space, address, size);
    begin_steps(space, address, &step);
    while (find_dying(space, address, end, generation, &start, &part)) {
        space_drop_pages(space, start, start + part, SPACE_DYING);
        spinlock_lock(&space->lock);
        struct memory_mapping *gone =
            has_objects ? space_release_objects(space, start, start + part) : NULL;
        space_remove_ranges(space, start, part);
        spinlock_unlock(&space->lock);
        space_drop_mappings(space, gone);
    }
    end_steps(space);
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
    if (space->nodes.count < SPLIT_NODES) {
        spinlock_unlock(&space->lock); /* the addresses stay taken, with nothing behind them */
        return;
    }
    take_away_and_unlock(space, address, size, false);
}

/* All of it committed (not merely reserved), none of it fixed, nothing borrowed to be written, and
 * no object given more than its mapping allows. */
static status_t check_protect(struct space *space, uint64_t address, uint64_t size,
                              uint32_t protection) {
    uint64_t at = address;
    if (space->dying) {
        return CAPOS_E_DISCONNECTED;
    }
    struct address_range *range = address_ranges_find(&space->ranges, address);
    while (range != NULL && range->start <= at && at < address + size) {
        if (!space_kind_is_committed(range->kind)) {
            return CAPOS_E_BAD_ADDRESS;
        }
        if (space_kind_is_fixed(range->kind) ||
            ((protection & PROTECT_WRITE) != 0 && (range->tag & SPACE_TAG_BORROWED) != 0)) {
            return CAPOS_E_NOT_PERMITTED;
        }
        if (range->kind == SPACE_OBJECT && (protection & ~space_object_rights(range)) != 0) {
            return CAPOS_E_NOT_PERMITTED;
        }
        at = range->start + range->size;
        range = range->next;
    }
    return at >= address + size ? CAPOS_OK : CAPOS_E_BAD_ADDRESS;
}

/* Goes on with a protection in steps. Others may have changed ranges meanwhile, and their word is
 * the last: a page gets what its range says by then. */
static void protect_rest(struct space *space, uint64_t address, uint64_t end) {
    for (uint64_t at = address; at < end;) {
        cpu_interrupt_window(); /* nothing of ours is locked or half done */
        struct space_step step = {.end = end};
        spinlock_lock(&space->lock);
        const struct address_range *range = address_ranges_find_from(&space->ranges, at);
        if (range != NULL && range->start < end) {
            at = range->start > at ? range->start : at;
            uint64_t stop = address_range_end(range) < end ? address_range_end(range) : end;
            step = space_protect_pages(space, at, stop, range->protection);
        }
        bool is_flushed = space_is_flushed(space, at, &step);
        spinlock_unlock(&space->lock);
        if (!is_flushed) {
            flush_range(space, at, step.end - at);
        }
        at = step.end;
    }
}

status_t space_protect(struct space *space, uint64_t address, uint64_t size, uint32_t protection) {
    if (!is_protection_valid(protection) ||
        !address_ranges_is_valid(&space->ranges, address, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    uint64_t end = address + size;
    spinlock_lock(&space->lock);
    status_t status = check_protect(space, address, size, protection);
    if (status == CAPOS_OK) {
        (void)space_fill_nodes(space, SPLIT_NODES); /* may fail where nothing is to be split */
        status = address_ranges_set(&space->ranges, address, size, ADDRESS_KIND_KEEP, protection,
                                    &space->nodes);
        status = status == CAPOS_E_TOO_LARGE ? CAPOS_E_NO_MEMORY : status;
    }
    if (status != CAPOS_OK) {
        spinlock_unlock(&space->lock);
        return status;
    }
    if ((protection & PROTECT_READ) == 0) {
        park_drain_range(space, address, size);
    }
    struct space_step step = space_protect_pages(space, address, end, protection);
    if (step.end == end && space_is_flushed(space, address, &step)) {
        spinlock_unlock(&space->lock);
        return CAPOS_OK;
    }
    begin_steps(space, address, &step);
    protect_rest(space, step.end, end);
    end_steps(space);
    return CAPOS_OK;
}

status_t space_commit(struct space *space, uint64_t address, uint64_t size, uint32_t protection) {
    if (!is_protection_valid(protection) ||
        !address_ranges_is_valid(&space->ranges, address, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    spinlock_lock(&space->lock);
    status_t status = space->dying ? CAPOS_E_DISCONNECTED : CAPOS_E_BAD_ADDRESS;
    if (!space->dying && address_ranges_is_kind(&space->ranges, address, size, SPACE_RESERVED)) {
        status = space_fill_nodes(space, SPLIT_NODES);
        if (status == CAPOS_OK) {
            status = space_charge_commit_locked(space, size);
        }
        if (status == CAPOS_OK) {
            set_ranges(space, address, size, SPACE_ANONYMOUS, protection);
        }
    }
    spinlock_unlock(&space->lock);
    return status;
}

status_t space_decommit(struct space *space, uint64_t address, uint64_t size) {
    if (!address_ranges_is_valid(&space->ranges, address, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    uint64_t end = address + size;
    spinlock_lock(&space->lock);
    if (space->dying || !address_ranges_is_kind(&space->ranges, address, size, SPACE_ANONYMOUS)) {
        status_t status = space->dying ? CAPOS_E_DISCONNECTED : CAPOS_E_BAD_ADDRESS;
        spinlock_unlock(&space->lock);
        return status;
    }
    struct space_step step = space_collect_pages(space, address, end);
    park_drain_range(space, address, step.end - address);
    if (step.end == end && space_is_flushed(space, address, &step)) {
        spinlock_unlock(&space->lock);
        space_give_batch(space, &step);
        return CAPOS_OK;
    }
    begin_steps(space, address, &step);
    space_drop_pages(space, step.end, end, SPACE_ANONYMOUS);
    end_steps(space);
    return CAPOS_OK;
}
