#include "memory_object.h"

#include "kernel/cap/memory_calls.h"
#include "kernel/sched/process.h"
#include "read_only_memory.h"

enum { PARAMETER_OFFSET = 2, PARAMETER_SIZE = 3, PARAMETER_PROTECTION = 4, PARAMETER_FLAGS = 5 };

static struct memory_object *object_of(const struct call *call) {
    return container_of(call->object, struct memory_object, object);
}

uint64_t memory_call_size(const struct call *call) {
    return object_of(call)->size;
}

status_t memory_call_add(struct call *call, struct memory_object *object,
                         const struct interface *interface) {
    status_t status =
        process_add_capability(call->process, &object->object, interface, 0, &call->decoded[0]);
    if (status != CAPOS_OK) {
        object_unref(&object->object);
    }
    return status;
}

status_t memory_call_map(struct call *call, struct object_map *map, uint64_t protection,
                         uint64_t flags, bool is_writable) {
    map->object = object_of(call);
    uint64_t object_size = map->object->size;
    if (map->offset % PAGE_SIZE != 0 || map->offset > object_size) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, PARAMETER_OFFSET);
    }
    if (map->size > object_size - map->offset) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, PARAMETER_SIZE);
    }
    if (protection > (PROTECT_READ | PROTECT_WRITE | PROTECT_EXECUTE)) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, PARAMETER_PROTECTION);
    }
    if ((flags & ~(uint64_t)CAPOS_MAP_PRIVATE) != 0) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, PARAMETER_FLAGS);
    }
    map->is_private = (flags & CAPOS_MAP_PRIVATE) != 0;
    map->protection = (uint32_t)protection;
    map->rights = PROTECT_READ | PROTECT_EXECUTE;
    map->rights |= is_writable || map->is_private ? PROTECT_WRITE : 0;
    if ((map->protection & ~map->rights) != 0) {
        return call_refuse(call, CAPOS_E_NOT_PERMITTED, PARAMETER_PROTECTION);
    }
    return space_map_object(&call->process->space, map, &call->decoded[0]);
}

status_t memory_call_unmap(struct call *call, uint64_t address, uint64_t size) {
    return space_unmap_object(&call->process->space, object_of(call), address, size);
}

status_t memory_call_clone(struct call *call) {
    struct memory_object *clone;
    status_t status = memory_object_clone(object_of(call), call->process, &clone);
    return status == CAPOS_OK ? memory_call_add(call, clone, &memory_object_interface) : status;
}

status_t memory_object_decode_size(struct call *call,
                                   const struct capos_memory_object_size_params *params) {
    return CAPOS_OK;
}

void memory_object_invoke_size(struct call *call,
                               struct capos_memory_object_size_results *results) {
    results->size = memory_call_size(call);
}

status_t memory_object_decode_map(struct call *call,
                                  const struct capos_memory_object_map_params *params) {
    struct object_map map = {.hint = params->hint, .offset = params->offset, .size = params->size};
    return memory_call_map(call, &map, params->protection, params->flags, true);
}

void memory_object_invoke_map(struct call *call, struct capos_memory_object_map_results *results) {
    results->address = call->decoded[0];
}

status_t memory_object_decode_unmap(struct call *call,
                                    const struct capos_memory_object_unmap_params *params) {
    return memory_call_unmap(call, params->address, params->size);
}

void memory_object_invoke_unmap(struct call *call,
                                struct capos_memory_object_unmap_results *results) {
}

status_t memory_object_decode_clone(struct call *call,
                                    const struct capos_memory_object_clone_params *params) {
    return memory_call_clone(call);
}

void memory_object_invoke_clone(struct call *call,
                                struct capos_memory_object_clone_results *results) {
    results->object = call->decoded[0];
}

status_t memory_object_decode_read_only(struct call *call,
                                        const struct capos_memory_object_read_only_params *params) {
    object_ref(call->object);
    return memory_call_add(call, object_of(call), &read_only_memory_interface);
}

void memory_object_invoke_read_only(struct call *call,
                                    struct capos_memory_object_read_only_results *results) {
    results->memory = call->decoded[0];
}
