#pragma once
/*
 * Memory objects (memory_object.h) in an address space: ranges of the kind SPACE_OBJECT, whose tag
 * is their struct memory_mapping.
 *
 * Rules
 * - Functions take space->lock themselves. An object's lock comes after it.
 * - A shared mapping shows frames of the object, which are never PTE_OWNED. In a private one, a
 * page that is written becomes a frame of the space's own, charged to its ledger.
 */
#include "kernel/mm/memory_object.h"
#include "kernel/mm/space.h"

struct object_map {
    struct memory_object *object;
    uint64_t hint, offset, size; /* offset and size lie in the object */
    uint32_t protection, rights;
    bool is_private;
};

/* As space_map; a private mapping counts as committed. tooLarge as memory_object_add_mapping. */
MUST_CHECK status_t space_map_object(struct space *space, const struct object_map *map,
                                     uint64_t *address_out);
/* As space_unmap, but badAddress unless all of the range maps this object. */
MUST_CHECK status_t space_unmap_object(struct space *space, const struct memory_object *object,
                                       uint64_t address, uint64_t size);

/* For memory_object.c, which has the mapping pinned: takes a page of the object, at this distance
 * from the mapping's begin, out of the tables if it is there, and flushes. */
void space_hide_object_page(struct memory_mapping *mapping, uint64_t distance, paddr_t frame);
/* The same: no page of the object stays writable, on any CPU. In steps. */
void space_write_protect_object(struct memory_mapping *mapping);
