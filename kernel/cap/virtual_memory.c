#include "virtual_memory.h"

#include "kernel/cap/memory_calls.h"
#include "kernel/sched/process.h"
#include "memory_object.h"

/* The object is struct process's member `memory`: it acts for that process, whoever holds it. */
static struct process *owner_of(struct call *call) {
    return container_of(call->object, struct process, memory);
}

/* "16M": digits and K, M or G. 0 when it is not an amount of whole pages. */
static uint64_t parse_size(struct wire_text text) {
    uint64_t value = 0;
    uint32_t at = 0;
    for (; at < text.length && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
        if (value > (UINT64_C(1) << 40)) {
            return 0;
        }
        value = value * 10 + (uint64_t)(text.data[at] - '0');
    }
    uint32_t shift = 0;
    if (at < text.length) {
        char unit = text.data[at++];
        shift = unit == 'K' ? 10 : unit == 'M' ? 20 : unit == 'G' ? 30 : 64;
    }
    if (at != text.length || shift == 64 || value > (UINT64_C(1) << 40)) {
        return 0;
    }
    value <<= shift;
    return value % PAGE_SIZE == 0 ? value : 0;
}

status_t virtual_memory_grant(struct process *process, struct object *source, uint64_t source_badge,
                              struct wire_text facet, struct object **object_out,
                              uint64_t *badge_out) {
    uint64_t limit = UINT64_MAX;
    if (facet.length != 0) {
        limit = parse_size(facet);
        if (limit == 0) {
            return CAPOS_E_NOT_PERMITTED;
        }
    }
    /* Nobody gives more than he may use himself. */
    if (source != NULL) {
        uint64_t own = container_of(source, struct process, memory)->space.commit_limit;
        limit = own < limit ? own : limit;
    }
    if (limit < process->space.commit_limit) {
        process->space.commit_limit = limit;
    }
    *object_out = object_ref(&process->memory);
    *badge_out = 0;
    return CAPOS_OK;
}

/*
 * The space's own functions are decode and invoke in one: under one lock they check everything,
 * then change. What they answer is the answer of the call; what they found goes to invoke.
 */
static status_t check_protection(struct call *call, uint64_t protection, uint32_t parameter) {
    return protection > 15 ? call_refuse(call, CAPOS_E_INVALID_ARGUMENT, parameter) : CAPOS_OK;
}

status_t virtual_memory_decode_map(struct call *call,
                                   const struct capos_virtual_memory_map_params *params) {
    status_t status = check_protection(call, params->protection, 3);
    if (status != CAPOS_OK) {
        return status;
    }
    return space_map(&owner_of(call)->space, params->hint, params->size, SPACE_ANONYMOUS,
                     (uint32_t)params->protection, 0, &call->decoded[0]);
}

void virtual_memory_invoke_map(struct call *call,
                               struct capos_virtual_memory_map_results *results) {
    results->address = call->decoded[0];
}

status_t virtual_memory_decode_unmap(struct call *call,
                                     const struct capos_virtual_memory_unmap_params *params) {
    return space_unmap(&owner_of(call)->space, params->address, params->size);
}

void virtual_memory_invoke_unmap(struct call *call,
                                 struct capos_virtual_memory_unmap_results *results) {
}

status_t virtual_memory_decode_protect(struct call *call,
                                       const struct capos_virtual_memory_protect_params *params) {
    status_t status = check_protection(call, params->protection, 3);
    if (status != CAPOS_OK) {
        return status;
    }
    return space_protect(&owner_of(call)->space, params->address, params->size,
                         (uint32_t)params->protection);
}

void virtual_memory_invoke_protect(struct call *call,
                                   struct capos_virtual_memory_protect_results *results) {
}

status_t virtual_memory_decode_reserve(struct call *call,
                                       const struct capos_virtual_memory_reserve_params *params) {
    return space_map(&owner_of(call)->space, params->hint, params->size, SPACE_RESERVED,
                     PROTECT_NONE, 0, &call->decoded[0]);
}

void virtual_memory_invoke_reserve(struct call *call,
                                   struct capos_virtual_memory_reserve_results *results) {
    results->address = call->decoded[0];
}

status_t virtual_memory_decode_commit(struct call *call,
                                      const struct capos_virtual_memory_commit_params *params) {
    status_t status = check_protection(call, params->protection, 3);
    if (status != CAPOS_OK) {
        return status;
    }
    return space_commit(&owner_of(call)->space, params->address, params->size,
                        (uint32_t)params->protection);
}

void virtual_memory_invoke_commit(struct call *call,
                                  struct capos_virtual_memory_commit_results *results) {
}

status_t virtual_memory_decode_decommit(struct call *call,
                                        const struct capos_virtual_memory_decommit_params *params) {
    return space_decommit(&owner_of(call)->space, params->address, params->size);
}

void virtual_memory_invoke_decommit(struct call *call,
                                    struct capos_virtual_memory_decommit_results *results) {
}

status_t virtual_memory_decode_query(struct call *call,
                                     const struct capos_virtual_memory_query_params *params) {
    call->decoded[0] = params->address;
    if (params->address < USER_LOW || params->address >= USER_HIGH) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, 1);
    }
    return CAPOS_OK;
}

void virtual_memory_invoke_query(struct call *call,
                                 struct capos_virtual_memory_query_results *results) {
    struct space_run run;
    space_query(&owner_of(call)->space, call->decoded[0], &run);
    results->start = run.start;
    results->size = run.size;
    results->protection = run.protection;
    results->kind = (uint16_t)run.kind;
    results->committed = run.is_committed;
    results->resident_pages = run.resident_pages;
    results->page_size = run.page_size;
}

status_t virtual_memory_decode_create_object(
    struct call *call, const struct capos_virtual_memory_create_object_params *params) {
    struct memory_object *object;
    status_t status = memory_object_create(owner_of(call), params->size, &object);
    return status == CAPOS_OK ? memory_call_add(call, object, &memory_object_interface) : status;
}

void virtual_memory_invoke_create_object(
    struct call *call, struct capos_virtual_memory_create_object_results *results) {
    results->object = call->decoded[0];
}
