#pragma once
/*
 * What the methods of MemoryObject and ReadOnlyMemory have in common: the object behind both is a
 * struct memory_object. Decode and invoke in one, as far as they can fail; what they found goes to
 * call->decoded[0].
 */
#include "kernel/cap/call.h"
#include "kernel/mm/space_object.h"

/* Maps into the caller's space. map->object and map->rights are filled in here. */
MUST_CHECK status_t memory_call_map(struct call *call, struct object_map *map, uint64_t protection,
                                    uint64_t flags, bool is_writable);
MUST_CHECK status_t memory_call_unmap(struct call *call, uint64_t address, uint64_t size);
/* A clone that the caller is charged for, as a new capability of his. */
MUST_CHECK status_t memory_call_clone(struct call *call);
uint64_t memory_call_size(const struct call *call);
/* A new capability of the caller's for the object, whose reference is given up in any case. */
MUST_CHECK status_t memory_call_add(struct call *call, struct memory_object *object,
                                    const struct interface *interface);
