#include "kernel/arch/x86_64/flush.h"
#include "kernel/mm/frame_owners.h"
#include "kernel/mm/space_object.h"
#include "kernel/mm/space_parts.h"
#include "kernel/sched/park.h"

/*
 * A page of an object that is touched. What cannot be done under the space's lock is an obstacle:
 * the lock is let go, the obstacle overcome, and everything looked at again. Waiting for CPUs to
 * flush is harmless whatever lock the caller holds besides, since all who wait serve flushes.
 */
enum obstacle_kind {
    OBSTACLE_NONE,
    OBSTACLE_SHARED, /* the object needs a frame of its own */
    OBSTACLE_MOVING, /* somebody is giving it one */
    OBSTACLE_STALE,  /* CPUs may still see the frame that a private copy has replaced */
};

struct obstacle {
    enum obstacle_kind kind;
    struct memory_mapping *mapping; /* pinned, for the first two */
    uint64_t page;                  /* in the object */
    uint64_t generation;            /* of the range, and the entry, that were flushed for */
    pte_t entry;
};

/* The fault of a page, and its range as it is now. */
struct touch {
    struct space *space;
    const struct address_range *range;
    struct memory_mapping *mapping;
    uint64_t address;
    uint32_t access;
    struct paging_path path;
};

static pte_t entry_of(const struct touch *touch) {
    return *touch->path.entry[touch->path.level];
}

static uint64_t page_of(const struct touch *touch) {
    const struct memory_mapping *mapping = touch->mapping;
    return (touch->address - mapping->address + mapping->offset) / PAGE_SIZE;
}

static status_t set_entry(struct touch *touch, pte_t value) {
    if (entry_of(touch) != 0) {
        *touch->path.entry[0] = value;
        return CAPOS_OK;
    }
    status_t status = space_make_way(touch->space, &touch->path, touch->address);
    if (status == CAPOS_OK) {
        paging_set(&touch->path, value);
    }
    return status;
}

/* Shows the object's own frame: writable where it has no other owner, even for a read, so that the
 * write which mostly follows is no fault. */
static status_t show_page(struct touch *touch, struct obstacle *obstacle) {
    struct memory_mapping *mapping = touch->mapping;
    struct memory_object *object = mapping->object;
    uint64_t page = page_of(touch), *entry;
    spinlock_lock(&object->lock);
    status_t status = memory_object_bring_in(object, page, &entry);
    if (status == CAPOS_OK) {
        bool is_moving = (*entry & OBJECT_PAGE_MOVING) != 0;
        bool is_shared = is_moving || frame_is_shared(paddr(*entry));
        if (is_moving || (is_shared && (touch->access & PROTECT_WRITE) != 0)) {
            mapping->pins++;
            *obstacle = (struct obstacle){.kind = is_moving ? OBSTACLE_MOVING : OBSTACLE_SHARED,
                                          .mapping = mapping,
                                          .page = page};
        } else {
            uint32_t protection = touch->range->protection;
            protection &= mapping->is_private || is_shared ? ~(uint32_t)PROTECT_WRITE : UINT32_MAX;
            status = set_entry(touch, *entry | space_page_flags(protection));
        }
    }
    spinlock_unlock(&object->lock);
    return status;
}

/* The page as the object has it. While the entry shows a frame, the object cannot have another one;
 * else its lock keeps the frame. */
static void copy_page(struct touch *touch, paddr_t target) {
    pte_t shown = entry_of(touch);
    if ((shown & PTE_PRESENT) != 0) {
        memcpy(direct_map(target), direct_map(pte_frame(shown)), PAGE_SIZE);
        return;
    }
    struct memory_object *object = touch->mapping->object;
    spinlock_lock(&object->lock);
    const uint64_t *entry = page_tree_find(&object->pages, page_of(touch));
    if (entry != NULL && *entry != 0) {
        memcpy(direct_map(target), direct_map(paddr(*entry & ~OBJECT_PAGE_MOVING)), PAGE_SIZE);
    }
    spinlock_unlock(&object->lock);
}

/* The first write to a page of a private mapping. Where a frame of the object was shown, nobody may
 * write to the copy as long as somebody may still read the other one. */
static status_t make_copy(struct touch *touch) {
    paddr_t frame;
    status_t status = space_take_frame(touch->space, &frame);
    if (status != CAPOS_OK) {
        return status;
    }
    copy_page(touch, frame);
    uint32_t protection = touch->range->protection;
    pte_t value = frame.value | PTE_OWNED;
    if (entry_of(touch) != 0) {
        value |= PTE_UNSETTLED;
        protection &= ~(uint32_t)PROTECT_WRITE;
    }
    status = set_entry(touch, value | space_page_flags(protection));
    if (status != CAPOS_OK) {
        space_give_frame(touch->space, frame);
        return status;
    }
    park_forget_page(touch->space, touch->address);
    return CAPOS_OK;
}

/* A copy that is there. The entry that was flushed for is this one if the range is of the same
 * mapping, for a copy stays as long as that does. */
static void use_copy(struct touch *touch, struct obstacle *obstacle) {
    const struct obstacle flushed = *obstacle;
    pte_t *entry = touch->path.entry[0];
    bool is_settled = (*entry & PTE_UNSETTLED) == 0 ||
                      (flushed.kind == OBSTACLE_STALE && flushed.entry == *entry &&
                       flushed.generation == touch->range->generation) ||
                      flush_if_alone(touch->space, touch->address, PAGE_SIZE);
    obstacle->kind = OBSTACLE_NONE;
    if (is_settled) {
        *entry = (*entry & PTE_ADDRESS) | PTE_OWNED | space_page_flags(touch->range->protection);
    } else if ((touch->access & PROTECT_WRITE) != 0) {
        *obstacle = (struct obstacle){
            .kind = OBSTACLE_STALE, .generation = touch->range->generation, .entry = *entry};
    } else {
        uint32_t protection = touch->range->protection & ~(uint32_t)PROTECT_WRITE;
        *entry =
            (*entry & (PTE_ADDRESS | PTE_UNSETTLED)) | PTE_OWNED | space_page_flags(protection);
    }
}

static status_t try_touch(struct touch *touch, struct obstacle *obstacle) {
    status_t status = CAPOS_OK;
    if (space_page_allows(entry_of(touch), touch->access)) {
        obstacle->kind = OBSTACLE_NONE;
        return CAPOS_OK;
    }
    bool is_copy = (entry_of(touch) & PTE_OWNED) != 0;
    if (!is_copy && (!touch->mapping->is_private || (touch->access & PROTECT_WRITE) == 0)) {
        obstacle->kind = OBSTACLE_NONE;
        return show_page(touch, obstacle);
    }
    if (!is_copy) {
        status = make_copy(touch);
    }
    if (status == CAPOS_OK) {
        use_copy(touch, obstacle);
    }
    return status;
}

/* Without the space's lock. */
static status_t overcome(struct space *space, uint64_t address, const struct obstacle *obstacle) {
    status_t status = CAPOS_OK;
    if (obstacle->kind == OBSTACLE_STALE) {
        const struct space_step step = {.end = address + PAGE_SIZE, .has_changed = true};
        spinlock_lock(&space->lock);
        space_flush_and_unlock(space, address, &step);
        return CAPOS_OK;
    }
    struct memory_object *object = obstacle->mapping->object;
    if (obstacle->kind == OBSTACLE_SHARED) {
        status = memory_object_separate(object, obstacle->page);
    } else {
        arch_spin_pause();
    }
    spinlock_lock(&object->lock);
    obstacle->mapping->pins--;
    spinlock_unlock(&object->lock);
    return status;
}

status_t space_resolve_object(struct space *space, uint64_t address, uint32_t access,
                              paddr_t *frame_out) {
    struct obstacle obstacle = {0};
    for (;;) {
        struct touch touch = {.space = space, .address = address, .access = access};
        touch.range = address_ranges_find(&space->ranges, address);
        if (space->dying || touch.range == NULL || touch.range->kind != SPACE_OBJECT ||
            (touch.range->protection & access) != access) {
            return CAPOS_E_BAD_ADDRESS;
        }
        touch.mapping = space_mapping_of(touch.range);
        paging_find(space->root, address, &touch.path);
        status_t status = try_touch(&touch, &obstacle);
        if (status != CAPOS_OK || obstacle.kind == OBSTACLE_NONE) {
            *frame_out = pte_frame(entry_of(&touch));
            return status;
        }
        spinlock_unlock(&space->lock);
        status = overcome(space, address, &obstacle);
        spinlock_lock(&space->lock);
        if (status != CAPOS_OK) {
            return status;
        }
    }
}
