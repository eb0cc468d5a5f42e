#include "kernel/mm/space_parts.h"

#include "kernel/arch/x86_64/flush.h"
#include "kernel/sched/park.h"

/* Programs that do not name an address get one from here on: below 1 << 40, as Go's heap needs. */
#define SPACE_CHOOSE_LOW UINT64_C(0x100000000)

static bool is_protection_valid(uint32_t protection) {
    bool write_only = (protection & PROTECT_WRITE) != 0 && (protection & PROTECT_READ) == 0;
    bool write_execute = (protection & PROTECT_WRITE) != 0 && (protection & PROTECT_EXECUTE) != 0;
    return protection <= 7 && !write_only && !write_execute;
}

static status_t charge_commit(struct space *space, uint64_t size) {
    if (size > space->commit_limit - space->committed_bytes) {
        return CAPOS_E_OVER_QUOTA;
    }
    space->committed_bytes += size;
    return CAPOS_OK;
}

static status_t map_locked(struct space *space, uint64_t hint, uint64_t size, uint32_t kind,
                           uint32_t protection, uint64_t tag, uint64_t *address_out) {
    uint64_t address = hint;
    status_t status = space->dying ? CAPOS_E_DISCONNECTED : space_fill_nodes(space, 1);
    if (status == CAPOS_OK && hint == 0) {
        status =
            address_ranges_find_free(&space->ranges, SPACE_CHOOSE_LOW, size, PAGE_SIZE, &address);
        status = status == CAPOS_OK ? status : CAPOS_E_NO_MEMORY;
    }
    if (status == CAPOS_OK && kind == SPACE_ANONYMOUS) {
        status = charge_commit(space, size);
    }
    if (status != CAPOS_OK) {
        return status;
    }
    struct address_range *node = space_pop_node(space);
    node->start = address;
    node->size = size;
    node->kind = kind;
    node->protection = protection;
    node->tag = tag;
    status = address_ranges_insert(&space->ranges, node);
    if (status != CAPOS_OK) {
        space_push_node(space, node);
        space->committed_bytes -= kind == SPACE_ANONYMOUS ? size : 0;
        return status;
    }
    *address_out = address;
    return CAPOS_OK;
}

status_t space_map(struct space *space, uint64_t hint, uint64_t size, uint32_t kind,
                   uint32_t protection, uint64_t tag, uint64_t *address_out) {
    uint64_t place = hint == 0 ? SPACE_CHOOSE_LOW : hint;
    if (!is_protection_valid(protection) || !address_ranges_is_valid(&space->ranges, place, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    spinlock_lock(&space->lock);
    status_t status = map_locked(space, hint, size, kind, protection, tag, address_out);
    spinlock_unlock(&space->lock);
    return status;
}

static uint64_t overlap(const struct address_range *range, uint64_t address, uint64_t size) {
    uint64_t low = range->start > address ? range->start : address;
    uint64_t high =
        range->start + range->size < address + size ? range->start + range->size : address + size;
    return high > low ? high - low : 0;
}

/* What of the range was committed by VirtualMemory. Refused when part of it is fixed, or when
 * somebody else is unmapping part of it just now. */
static status_t survey(struct space *space, uint64_t address, uint64_t size,
                       uint64_t *anonymous_out) {
    *anonymous_out = 0;
    if (space->dying) {
        return CAPOS_E_DISCONNECTED;
    }
    struct address_range *range = address_ranges_find_from(&space->ranges, address);
    for (; range != NULL && range->start < address + size; range = address_ranges_next(range)) {
        if (space_kind_is_fixed(range->kind)) {
            return CAPOS_E_NOT_PERMITTED;
        }
        if (range->kind == SPACE_DYING) {
            return CAPOS_E_BUSY;
        }
        if (range->kind == SPACE_ANONYMOUS) {
            *anonymous_out += overlap(range, address, size);
        }
    }
    return CAPOS_OK;
}

/*
 * Gives every range in [address, address + size) a kind and a protection; KEEP leaves the kind as
 * it is. Holes are passed over. Two spare nodes suffice, since only the ends can split; without
 * them the first step is refused and nothing has changed.
 */
#define KEEP UINT32_MAX
static status_t set_ranges(struct space *space, uint64_t address, uint64_t size, uint32_t kind,
                           uint32_t protection) {
    if (space->spare_count < 2) {
        return CAPOS_E_NO_MEMORY;
    }
    for (uint64_t at = address; at < address + size;) {
        struct address_range *range = address_ranges_find_from(&space->ranges, at);
        if (range == NULL || range->start >= address + size) {
            break;
        }
        at = range->start > at ? range->start : at;
        uint64_t part = overlap(range, at, address + size - at);
        struct space_spares spares = space_begin_change(space);
        status_t status =
            address_ranges_set(&space->ranges, at, part, kind == KEEP ? range->kind : kind,
                               protection, spares.node, &spares.freed);
        ASSERT(status == CAPOS_OK);
        space_end_change(space, &spares);
        at += part;
    }
    return CAPOS_OK;
}

/* Marks what is to be unmapped: nobody else can do anything with it, and no other unmap takes it
 * for its own. Under the lock; what survey refuses is not here. */
static status_t mark_dying(struct space *space, uint64_t address, uint64_t size, uint64_t *tag) {
    status_t status = set_ranges(space, address, size, SPACE_DYING, PROTECT_NONE);
    if (status != CAPOS_OK) {
        return status;
    }
    park_drain_range(space, address, size);
    *tag = ++space->unmap_count << 1; /* never SPACE_TAG_BORROWED */
    struct address_range *range = address_ranges_find_from(&space->ranges, address);
    for (; range != NULL && range->start < address + size; range = address_ranges_next(range)) {
        range->tag = *tag;
    }
    return CAPOS_OK;
}

/* The next range of this unmap, which may have holes that others fill meanwhile. */
static bool find_dying(struct space *space, uint64_t address, uint64_t size, uint64_t tag,
                       uint64_t *start, uint64_t *part) {
    bool found = false;
    spinlock_lock(&space->lock);
    struct address_range *range = address_ranges_find_from(&space->ranges, address);
    for (; !found && range != NULL && range->start < address + size;
         range = address_ranges_next(range)) {
        found = range->kind == SPACE_DYING && range->tag == tag;
        *start = range->start;
        *part = range->size;
    }
    spinlock_unlock(&space->lock);
    return found;
}

/* Second half of an unmap: pages, addresses, tables. */
static void unmap_dying(struct space *space, uint64_t address, uint64_t size, uint64_t tag) {
    uint64_t start, part;
    while (find_dying(space, address, size, tag, &start, &part)) {
        space_drop_pages(space, start, part, SPACE_DYING);
        spinlock_lock(&space->lock);
        struct space_spares spares = space_begin_change(space);
        status_t status =
            address_ranges_remove(&space->ranges, start, part, spares.node, &spares.freed);
        ASSERT(status == CAPOS_OK); /* a whole range: no node is needed */
        space_end_change(space, &spares);
        spinlock_unlock(&space->lock);
    }
    spinlock_lock(&space->lock);
    (void)space_fill_nodes(space, 0); /* for the next one; if it fails, that one is refused */
    spinlock_unlock(&space->lock);
    space_drop_tables(space, address, size);
}

/* The last step of what space->changes counts. */
static void end_steps(struct space *space) {
    spinlock_lock(&space->lock);
    space->changes--;
    spinlock_unlock(&space->lock);
}

status_t space_unmap(struct space *space, uint64_t address, uint64_t size) {
    if (!address_ranges_is_valid(&space->ranges, address, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    /* The addresses stay taken until their pages are gone and flushed, so that nobody maps
     * something new there that would be dropped with the old, or seen through an old translation.
     */
    uint64_t anonymous, tag;
    spinlock_lock(&space->lock);
    status_t status = survey(space, address, size, &anonymous);
    if (status == CAPOS_OK) {
        status = mark_dying(space, address, size, &tag);
    }
    if (status == CAPOS_OK) {
        space->committed_bytes -= anonymous;
        space->changes++;
    }
    spinlock_unlock(&space->lock);
    if (status == CAPOS_OK) {
        unmap_dying(space, address, size, tag);
        end_steps(space);
    }
    return status;
}

void space_unmap_fixed(struct space *space, uint64_t address, uint64_t size) {
    uint64_t tag;
    spinlock_lock(&space->lock);
    status_t status = mark_dying(space, address, size, &tag);
    spinlock_unlock(&space->lock);
    if (status == CAPOS_OK) { /* else the addresses stay taken, with nothing behind them */
        unmap_dying(space, address, size, tag);
    }
}

/* All of it committed (not merely reserved), none of it fixed, and nothing borrowed to be written.
 */
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
        at = range->start + range->size;
        range = address_ranges_next(range);
    }
    return at >= address + size ? CAPOS_OK : CAPOS_E_BAD_ADDRESS;
}

status_t space_protect(struct space *space, uint64_t address, uint64_t size, uint32_t protection) {
    if (!is_protection_valid(protection) ||
        !address_ranges_is_valid(&space->ranges, address, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    spinlock_lock(&space->lock);
    status_t status = check_protect(space, address, size, protection);
    if (status == CAPOS_OK) {
        (void)space_fill_nodes(space, 2);
        status = set_ranges(space, address, size, KEEP, protection);
    }
    if (status == CAPOS_OK) {
        space_protect_pages(space, address, size, protection);
        if ((protection & PROTECT_READ) == 0) {
            park_drain_range(space, address, size);
        }
    }
    spinlock_unlock(&space->lock);
    if (status == CAPOS_OK) {
        flush_range(space, address, size);
    }
    return status;
}

status_t space_commit(struct space *space, uint64_t address, uint64_t size, uint32_t protection) {
    if (!is_protection_valid(protection) ||
        !address_ranges_is_valid(&space->ranges, address, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    spinlock_lock(&space->lock);
    status_t status = space->dying ? CAPOS_E_DISCONNECTED : CAPOS_E_BAD_ADDRESS;
    if (!space->dying && address_ranges_is_kind(&space->ranges, address, size, SPACE_RESERVED)) {
        status = space_fill_nodes(space, 2);
        if (status == CAPOS_OK) {
            status = charge_commit(space, size);
        }
        if (status == CAPOS_OK) {
            status = set_ranges(space, address, size, SPACE_ANONYMOUS, protection);
            ASSERT(status == CAPOS_OK);
        }
    }
    spinlock_unlock(&space->lock);
    return status;
}

status_t space_decommit(struct space *space, uint64_t address, uint64_t size) {
    if (!address_ranges_is_valid(&space->ranges, address, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    spinlock_lock(&space->lock);
    status_t status = CAPOS_OK;
    if (space->dying) {
        status = CAPOS_E_DISCONNECTED;
    } else if (!address_ranges_is_kind(&space->ranges, address, size, SPACE_ANONYMOUS)) {
        status = CAPOS_E_BAD_ADDRESS;
    } else {
        space->changes++;
    }
    spinlock_unlock(&space->lock);
    if (status != CAPOS_OK) {
        return status;
    }
    space_drop_pages(space, address, size, SPACE_ANONYMOUS);
    end_steps(space);
    return CAPOS_OK;
}

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
