#include "kernel/mm/space_object.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/flush.h"
#include "kernel/mm/frame_owners.h"
#include "kernel/mm/space_parts.h"
#include "kernel/sched/park.h"

_Static_assert(sizeof(struct memory_mapping) <= sizeof(struct address_range), "lives in a node");

uint32_t space_object_rights(const struct address_range *range) {
    return space_mapping_of(range)->rights;
}

bool space_object_is_committed(const struct address_range *range) {
    return space_mapping_of(range)->is_private;
}

/* Mapping and taking away. */

/* The node that becomes the mapping and the one of its range are there. */
static status_t map_locked(struct space *space, const struct object_map *map,
                           struct memory_mapping *mapping, uint64_t *address_out) {
    *mapping = (struct memory_mapping){.object = map->object,
                                       .space = space,
                                       .size = map->size,
                                       .offset = map->offset,
                                       .rights = map->rights,
                                       .is_private = map->is_private,
                                       .mapped_bytes = map->size};
    uint64_t commit = map->is_private ? map->size : 0;
    status_t status = space_charge_commit_locked(space, commit);
    if (status != CAPOS_OK) {
        return status;
    }
    status = space_map_locked(space, map->hint, map->size, SPACE_OBJECT, map->protection,
                              (uint64_t)(uintptr_t)mapping, &mapping->address);
    if (status == CAPOS_OK) {
        status = memory_object_add_mapping(mapping);
        if (status != CAPOS_OK) {
            space_remove_ranges(space, mapping->address, mapping->size);
        }
    }
    if (status != CAPOS_OK) {
        space->committed_bytes -= commit;
        return status;
    }
    object_ref(&map->object->object);
    *address_out = mapping->address;
    return CAPOS_OK;
}

status_t space_map_object(struct space *space, const struct object_map *map,
                          uint64_t *address_out) {
    spinlock_lock(&space->lock);
    status_t status = space->dying ? CAPOS_E_DISCONNECTED : space_fill_nodes(space, 2);
    if (status == CAPOS_OK) {
        struct address_range *node = address_pool_pop(&space->nodes);
        status = map_locked(space, map, (struct memory_mapping *)(void *)node, address_out);
        if (status != CAPOS_OK) {
            address_pool_push(&space->nodes, node);
        }
    }
    spinlock_unlock(&space->lock);
    return status;
}

static bool shows_only(struct space *space, const struct memory_object *object, uint64_t address,
                       uint64_t size) {
    if (!address_ranges_is_kind(&space->ranges, address, size, SPACE_OBJECT)) {
        return false;
    }
    const struct address_range *range = address_ranges_find(&space->ranges, address);
    for (; range != NULL && range->start < address + size; range = range->next) {
        if (space_mapping_of(range)->object != object) {
            return false;
        }
    }
    return true;
}

status_t space_unmap_object(struct space *space, const struct memory_object *object,
                            uint64_t address, uint64_t size) {
    if (!address_ranges_is_valid(&space->ranges, address, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    spinlock_lock(&space->lock);
    if (!shows_only(space, object, address, size)) {
        spinlock_unlock(&space->lock);
        return CAPOS_E_BAD_ADDRESS;
    }
    return space_unmap_and_unlock(space, address, size);
}

struct memory_mapping *space_release_objects(struct space *space, uint64_t address, uint64_t end) {
    struct memory_mapping *gone = NULL;
    const struct address_range *range = address_ranges_find_from(&space->ranges, address);
    for (; range != NULL && range->start < end; range = range->next) {
        if (!space_range_is_object(range)) {
            continue;
        }
        struct memory_mapping *mapping = space_mapping_of(range);
        uint64_t low = range->start > address ? range->start : address;
        uint64_t high = address_range_end(range) < end ? address_range_end(range) : end;
        ASSERT(mapping->mapped_bytes >= high - low);
        mapping->mapped_bytes -= high - low;
        if (mapping->mapped_bytes == 0) {
            mapping->next_gone = gone;
            gone = mapping;
        }
    }
    return gone;
}

void space_drop_mappings(struct space *space, struct memory_mapping *gone) {
    while (gone != NULL) {
        struct memory_mapping *next = gone->next_gone;
        memory_object_remove_mapping(gone);
        spinlock_lock(&space->lock);
        address_pool_push(&space->nodes, (struct address_range *)(void *)gone);
        spinlock_unlock(&space->lock);
        gone = next;
    }
}

/* What memory_object.c asks for. */

void space_flush_and_unlock(struct space *space, uint64_t address, const struct space_step *step) {
    if (space_is_flushed(space, address, step, NULL)) {
        spinlock_unlock(&space->lock);
        return;
    }
    /* Who finds our work done waits for its end, as we do for others'. */
    struct space_change change = {.address = address, .end = step->end};
    space_begin_change(space, &change);
    spinlock_unlock(&space->lock);
    flush_range(space, address, step->end - address);
    spinlock_lock(&space->lock);
    space_end_change_and_unlock(space, &change);
}

void space_hide_object_page(struct memory_mapping *mapping, uint64_t distance, paddr_t frame) {
    struct space *space = mapping->space;
    spinlock_lock(&space->lock);
    uint64_t address = mapping->address + distance;
    if (space->dying) {
        spinlock_unlock(&space->lock);
        return;
    }
    struct paging_path path;
    paging_find(space->root, address, &path);
    pte_t *entry = path.entry[path.level];
    struct space_step step = {.end = address + PAGE_SIZE};
    park_forget_page(space, address);
    /* What stands there by now may be something else. But whatever shows this frame is an object's,
     * and finds anew what to show. The entry stays in use, so that no table need be freed; the
     * frame may be somebody else's soon, so its address goes (CPUs with L1TF read through entries
     * that are not present). */
    if (path.level == 0 && *entry != 0 && (*entry & PTE_OWNED) == 0 &&
        pte_frame(*entry).value == frame.value) {
        *entry = PTE_USER;
        step.has_changed = true;
    }
    space_flush_and_unlock(space, address, &step);
}

/* The entries of one table. */
static bool write_protect_table(const struct paging_walk *walk) {
    bool has_changed = false;
    uint32_t count;
    pte_t *entries = paging_walk_entries(walk, &count);
    for (uint32_t i = 0; i < count; i++) {
        if ((entries[i] & PTE_OWNED) == 0 && (entries[i] & PTE_WRITE) != 0) {
            entries[i] &= ~PTE_WRITE;
            has_changed = true;
        }
    }
    return has_changed;
}

/* What objects show through the first table that is there in [address, end), also of what is being
 * unmapped. */
static struct space_step write_protect_step(struct space *space, uint64_t address, uint64_t end) {
    struct space_step step = {.end = end};
    const struct address_range *range = address_ranges_find_from(&space->ranges, address);
    while (range != NULL && range->start < end && !space_range_is_object(range)) {
        range = range->next;
    }
    if (range == NULL || range->start >= end) {
        return step;
    }
    uint64_t low = range->start > address ? range->start : address;
    step.end = address_range_end(range) < end ? address_range_end(range) : end;
    struct paging_walk walk;
    paging_walk_begin(&walk, space->root, low, step.end);
    if (paging_walk_next(&walk)) {
        step.has_changed = write_protect_table(&walk);
        step.end = walk.stop;
    }
    return step;
}

void space_write_protect_object(struct memory_mapping *mapping) {
    struct space *space = mapping->space;
    uint64_t end = mapping->address + mapping->size;
    for (uint64_t at = mapping->address; at < end;) {
        spinlock_lock(&space->lock);
        struct space_step step = {.end = end};
        if (!space->dying) {
            step = write_protect_step(space, at, end);
        }
        space_flush_and_unlock(space, at, &step);
        at = step.end;
        cpu_interrupt_window(); /* nothing is locked or half done */
    }
}

bool space_object_at(struct space *space, uint64_t address, uint64_t *object_id,
                     uint64_t *generation, uint64_t *offset) {
    ASSERT(spinlock_is_locked(&space->lock));
    const struct address_range *range = address_ranges_find(&space->ranges, address);
    if (space->dying || range == NULL || range->kind != SPACE_OBJECT) {
        return false;
    }
    const struct memory_mapping *mapping = space_mapping_of(range);
    if (mapping->is_private) {
        return false;
    }
    *object_id = mapping->object->id;
    *generation = 1;
    *offset = mapping->offset + (address - mapping->address);
    return true;
}
