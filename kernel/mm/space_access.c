#include "kernel/mm/frame.h"
#include "kernel/mm/space_parts.h"

/* A protection of a large range, in steps, has not come to this page yet. */
static void catch_up(struct space *space, const struct address_range *range,
                     struct paging_path *path, uint64_t page) {
    if (path->level == 1 && (range->protection & PROTECT_EXECUTE) != 0) {
        space_split_large(space, path, page);
    }
    pte_t *entry = path->entry[path->level];
    *entry = (*entry & PTE_KEPT) | space_page_flags(range->protection);
}

/* The frame of a page that may be accessed so, brought in if need be. Where an object is mapped,
 * the lock may be let go meanwhile. */
static status_t resolve_locked(struct space *space, uint64_t address, uint32_t access,
                               paddr_t *frame_out) {
    if (address < USER_LOW || address >= USER_HIGH || space->dying) {
        return CAPOS_E_BAD_ADDRESS;
    }
    const struct address_range *range = address_ranges_find(&space->ranges, address);
    if (range == NULL || (range->protection & access) != access || access == PROTECT_NONE) {
        return CAPOS_E_BAD_ADDRESS;
    }
    uint64_t page = align_down(address, PAGE_SIZE);
    if (range->kind == SPACE_OBJECT) {
        return space_resolve_object(space, page, access, frame_out);
    }
    struct paging_path path;
    paging_find(space->root, page, &path);
    if (*path.entry[path.level] == 0) {
        if (!space_kind_is_committed(range->kind) || space_kind_is_fixed(range->kind)) {
            return CAPOS_E_BAD_ADDRESS;
        }
        if ((range->protection & PROTECT_LARGE) == 0 ||
            !space_bring_in_large(space, range, &path, page)) {
            status_t status = space_bring_in(space, &path, page, range->protection);
            if (status != CAPOS_OK) {
                return status;
            }
        }
    }
    if (!space_page_allows(*path.entry[path.level], access)) {
        catch_up(space, range, &path, page);
    }
    uint64_t offset = page & (paging_span(path.level) - 1);
    *frame_out = paddr(pte_frame(*path.entry[path.level]).value + offset);
    return CAPOS_OK;
}

status_t space_fault(struct space *space, uint64_t address, uint32_t access) {
    paddr_t frame;
    frame_prepare();
    spinlock_lock(&space->lock);
    status_t status = resolve_locked(space, address, access, &frame);
    spinlock_unlock(&space->lock);
    return status;
}

const uint32_t *space_word_locked(struct space *space, uint64_t address, status_t *status) {
    paddr_t frame;
    *status = resolve_locked(space, address, PROTECT_READ, &frame);
    if (*status != CAPOS_OK) {
        return NULL;
    }
    const uint8_t *page = direct_map(frame);
    return (const uint32_t *)(const void *)(page + address % PAGE_SIZE);
}

void *space_window_open(struct space *space, struct space_window *window, uint64_t address,
                        status_t *status) {
    paddr_t frame;
    spinlock_lock(&space->lock);
    *status = resolve_locked(space, address, PROTECT_WRITE, &frame);
    if (*status == CAPOS_OK) {
        *window = (struct space_window){
            .last = address | (PAGE_SIZE - 1),
            .memory = direct_map(frame),
            .flush_count = atomic_load_explicit(&space->flush_count, memory_order_seq_cst),
        };
    }
    spinlock_unlock(&space->lock);
    return *status == CAPOS_OK ? window->memory + address % PAGE_SIZE : NULL;
}

status_t space_touch(struct space *space, uint64_t address, paddr_t *frame_out) {
    spinlock_lock(&space->lock);
    status_t status = resolve_locked(space, address, PROTECT_READ, frame_out);
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
        paddr_t frame;
        status = resolve_locked(space, address, access, &frame);
        if (status != CAPOS_OK) {
            break;
        }
        uint64_t offset = address & (PAGE_SIZE - 1);
        uint64_t step = PAGE_SIZE - offset < size ? PAGE_SIZE - offset : size;
        uint8_t *user = (uint8_t *)direct_map(frame) + offset;
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
