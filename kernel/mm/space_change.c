#include "kernel/mm/space_parts.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/flush.h"
#include "kernel/sched/park.h"

#define PROTECTIONS (PROTECT_READ | PROTECT_WRITE | PROTECT_EXECUTE | PROTECT_LARGE)

static bool is_protection_valid(uint32_t protection) {
    bool write_only = (protection & PROTECT_WRITE) != 0 && (protection & PROTECT_READ) == 0;
    bool write_execute = (protection & PROTECT_WRITE) != 0 && (protection & PROTECT_EXECUTE) != 0;
    return protection <= PROTECTIONS && !write_only && !write_execute;
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
    uint64_t address = hint == 0 ? space->choose_low : hint;
    if (!is_protection_valid(protection) ||
        !address_ranges_is_valid(&space->ranges, address, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    status_t status = CAPOS_OK;
    if (hint == 0) {
        bool is_large = (protection & PROTECT_LARGE) != 0 && size >= paging_span(1);
        uint64_t alignment = is_large ? paging_span(1) : PAGE_SIZE;
        status =
            address_ranges_find_free(&space->ranges, space->choose_low, size, alignment, &address);
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

void space_set_ranges(struct space *space, uint64_t address, uint64_t size, uint32_t kind,
                      uint32_t protection) {
    status_t status =
        address_ranges_set(&space->ranges, address, size, kind, protection, &space->nodes);
    ASSERT(status == CAPOS_OK);
}

void space_begin_change(struct space *space, struct space_change *change) {
    change->next = space->changes;
    space->changes = change;
}

void space_end_change_and_unlock(struct space *space, struct space_change *change) {
    struct space_change **link = &space->changes;
    while (*link != change) {
        link = &(*link)->next;
    }
    *link = change->next;
    spinlock_unlock(&space->lock);
}

void space_begin_steps(struct space *space, struct space_change *change,
                       const struct space_step *first) {
    space_begin_change(space, change);
    spinlock_unlock(&space->lock);
    flush_range(space, change->address, first->end - change->address);
    space_give_batch(space, first);
}

void space_end_steps(struct space *space, struct space_change *change) {
    spinlock_lock(&space->lock);
    space_end_change_and_unlock(space, change);
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
        if (range->kind == SPACE_OBJECT &&
            (protection & ~(space_object_rights(range) | PROTECT_LARGE)) != 0) {
            return CAPOS_E_NOT_PERMITTED;
        }
        at = range->start + range->size;
        range = range->next;
    }
    return at >= address + size ? CAPOS_OK : CAPOS_E_BAD_ADDRESS;
}

/* Goes on with a protection in steps. Others may have changed ranges meanwhile, and their word is
 * the last: a page gets what its range says by then. */
static void protect_rest(struct space *space, const struct space_change *change, uint64_t at) {
    while (at < change->end) {
        cpu_interrupt_window(); /* nothing of ours is locked or half done */
        struct space_step step = {.end = change->end};
        spinlock_lock(&space->lock);
        const struct address_range *range = address_ranges_find_from(&space->ranges, at);
        if (range != NULL && range->start < change->end) {
            at = range->start > at ? range->start : at;
            uint64_t stop = address_range_end(range);
            stop = stop < change->end ? stop : change->end;
            step = space_protect_pages(space, at, stop, range->protection);
        }
        bool is_flushed = space_is_flushed(space, at, &step, change);
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
    struct space_change change = {.address = address, .end = address + size};
    spinlock_lock(&space->lock);
    status_t status = check_protect(space, address, size, protection);
    if (status == CAPOS_OK) {
        (void)space_fill_nodes(space,
                               SPACE_SPLIT_NODES); /* may fail where nothing is to be split */
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
    struct space_step step = space_protect_pages(space, address, change.end, protection);
    if (step.end == change.end && space_is_flushed(space, address, &step, NULL)) {
        spinlock_unlock(&space->lock);
        return CAPOS_OK;
    }
    space_begin_steps(space, &change, &step);
    protect_rest(space, &change, step.end);
    space_end_steps(space, &change);
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
        status = space_fill_nodes(space, SPACE_SPLIT_NODES);
        if (status == CAPOS_OK) {
            status = space_charge_commit_locked(space, size);
        }
        if (status == CAPOS_OK) {
            space_set_ranges(space, address, size, SPACE_ANONYMOUS, protection);
        }
    }
    spinlock_unlock(&space->lock);
    return status;
}

status_t space_decommit(struct space *space, uint64_t address, uint64_t size) {
    if (!address_ranges_is_valid(&space->ranges, address, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    struct space_change change = {.address = address, .end = address + size};
    spinlock_lock(&space->lock);
    if (space->dying || !address_ranges_is_kind(&space->ranges, address, size, SPACE_ANONYMOUS)) {
        status_t status = space->dying ? CAPOS_E_DISCONNECTED : CAPOS_E_BAD_ADDRESS;
        spinlock_unlock(&space->lock);
        return status;
    }
    struct space_step step = space_collect_pages(space, address, change.end);
    park_drain_range(space, address, step.end - address);
    if (step.end == change.end && space_is_flushed(space, address, &step, NULL)) {
        space_give_batch(space, &step);
        spinlock_unlock(&space->lock);
        return CAPOS_OK;
    }
    space_begin_steps(space, &change, &step);
    space_drop_pages(space, step.end, change.end, SPACE_ANONYMOUS, &change);
    space_end_steps(space, &change);
    return CAPOS_OK;
}
