#include "read_only_memory.h"

#include "kernel/cap/memory_calls.h"

status_t read_only_memory_decode_size(struct call *call,
                                      const struct capos_read_only_memory_size_params *params) {
    return CAPOS_OK;
}

void read_only_memory_invoke_size(struct call *call,
                                  struct capos_read_only_memory_size_results *results) {
    results->size = memory_call_size(call);
}

status_t read_only_memory_decode_map(struct call *call,
                                     const struct capos_read_only_memory_map_params *params) {
    struct object_map map = {.hint = params->hint, .offset = params->offset, .size = params->size};
    return memory_call_map(call, &map, params->protection, params->flags, false);
}

void read_only_memory_invoke_map(struct call *call,
                                 struct capos_read_only_memory_map_results *results) {
    results->address = call->decoded[0];
}

status_t read_only_memory_decode_unmap(struct call *call,
                                       const struct capos_read_only_memory_unmap_params *params) {
    return memory_call_unmap(call, params->address, params->size);
}

void read_only_memory_invoke_unmap(struct call *call,
                                   struct capos_read_only_memory_unmap_results *results) {
}

status_t read_only_memory_decode_clone(struct call *call,
                                       const struct capos_read_only_memory_clone_params *params) {
    return memory_call_clone(call);
}

void read_only_memory_invoke_clone(struct call *call,
                                   struct capos_read_only_memory_clone_results *results) {
    results->object = call->decoded[0];
}
