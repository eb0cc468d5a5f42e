#include "kernel/mm/space_parts.h"

/* The entry of a page that may be accessed so, brought in if need be; NULL and *status if not. */
static pte_t *resolve_locked(struct space *space, uint64_t address, uint32_t access,
                             status_t *status) {
    *status = CAPOS_E_BAD_ADDRESS;
    if (address < USER_LOW || address >= USER_HIGH || space->dying) {
        return NULL;
    }
    struct address_range *range = address_ranges_find(&space->ranges, address);
    if (range == NULL || (range->protection & access) != access || access == PROTECT_NONE) {
        return NULL;
    }
    uint64_t page = align_down(address, PAGE_SIZE);
    pte_t *entry = paging_lookup(space->root, page);
    if (entry != NULL && (*entry & PTE_PRESENT) != 0) {
        *status = CAPOS_OK;
        return entry;
    }
    if (!space_kind_is_committed(range->kind) || space_kind_is_fixed(range->kind)) {
        return NULL;
    }
    paddr_t frame = space_take_frame(space, status);
    if (paddr_is_none(frame)) {
        return NULL;
    }
    *status = space_map_frame_locked(space, page, frame, range->protection, true);
    if (*status != CAPOS_OK) {
        space_give_frame(space, frame);
        return NULL;
    }
    return paging_lookup(space->root, page);
}

status_t space_fault(struct space *space, uint64_t address, uint32_t access) {
    status_t status;
    spinlock_lock(&space->lock);
    (void)resolve_locked(space, address, access, &status);
    spinlock_unlock(&space->lock);
    return status;
}

const uint32_t *space_word_locked(struct space *space, uint64_t address, status_t *status) {
    /* A page that is present for the CPU is one that may be read. */
    const pte_t *entry = space->dying ? NULL : paging_lookup(space->root, address);
    if (entry == NULL || (*entry & PTE_PRESENT) == 0) {
        entry = resolve_locked(space, address, PROTECT_READ, status);
    }
    if (entry == NULL) {
        return NULL;
    }
    const uint8_t *page = direct_map(pte_frame(*entry));
    return (const uint32_t *)(const void *)(page + address % PAGE_SIZE);
}

bool space_object_at(struct space *space, uint64_t address, uint64_t *object_id,
                     uint64_t *generation, uint64_t *offset) {
    return false;
}

status_t space_touch(struct space *space, uint64_t address, paddr_t *frame_out) {
    status_t status;
    spinlock_lock(&space->lock);
    pte_t *entry = resolve_locked(space, address, PROTECT_READ, &status);
    if (entry != NULL) {
        *frame_out = pte_frame(*entry);
    }
    spinlock_unlock(&space->lock);
    return status;
}

static status_t copy_user(struct space *space, uint64_t address, uint8_t *kernel, uint64_t size,
                          uint32_t access) {
    status_t status = CAPOS_OK;
    if (size > USER_HIGH || address > USER_HIGH - size) {
        return CAPOS_E_BAD_ADDRESS;
    }
    spinlock_lock(&space->lock);
    while (size > 0) {
        pte_t *entry = resolve_locked(space, address, access, &status);
        if (entry == NULL) {
            break;
        }
        uint64_t offset = address & (PAGE_SIZE - 1);
        uint64_t step = PAGE_SIZE - offset < size ? PAGE_SIZE - offset : size;
        uint8_t *user = (uint8_t *)direct_map(pte_frame(*entry)) + offset;
        if (access == PROTECT_READ) {
            memcpy(kernel, user, step);
        } else {
            memcpy(user, kernel, step);
        }
        address += step;
        kernel += step;
        size -= step;
    }
    spinlock_unlock(&space->lock);
    return status;
}

status_t space_copy_in(struct space *space, void *target, uint64_t address, uint64_t size) {
    return copy_user(space, address, target, size, PROTECT_READ);
}

status_t space_copy_out(struct space *space, uint64_t address, const void *source, uint64_t size) {
    return copy_user(space, address, (uint8_t *)(uintptr_t)source, size, PROTECT_WRITE);
}

bool space_is_mapped(struct space *space, uint64_t address, uint64_t size, uint32_t protection) {
    if (size > USER_HIGH || address > USER_HIGH - size || address < USER_LOW) {
        return size == 0;
    }
    bool mapped = true;
    spinlock_lock(&space->lock);
    for (uint64_t at = address; mapped && at < address + size;) {
        struct address_range *range = address_ranges_find(&space->ranges, at);
        mapped = range != NULL && space_kind_is_committed(range->kind) &&
                 (range->protection & protection) == protection;
        at = mapped ? range->start + range->size : at;
    }
    spinlock_unlock(&space->lock);
    return mapped;
}
