#include "boot_package.h"

#include "kernel/arch/x86_64/speculation.h"
#include "kernel/boot/package.h"
#include "kernel/cap/object.h"
#include "kernel/sched/process.h"

#define READ_BYTES_MAX 65536u

static const struct object_type boot_package_type = {"BootPackage", NULL};
static struct object boot_package_object = {&boot_package_type, 1};

status_t boot_package_grant(struct process *process, struct object *source, uint64_t source_badge,
                            struct wire_text facet, struct object **object_out,
                            uint64_t *badge_out) {
    if (facet.length != 0) {
        return CAPOS_E_NOT_PERMITTED;
    }
    *object_out = object_ref(&boot_package_object);
    *badge_out = 0;
    return CAPOS_OK;
}

status_t boot_package_decode_count(struct call *call,
                                   const struct capos_boot_package_count_params *params) {
    return CAPOS_OK;
}

void boot_package_invoke_count(struct call *call,
                               struct capos_boot_package_count_results *results) {
    results->count = package_get()->file_count;
}

static const struct boot_package_file *find_file(struct call *call, uint32_t index) {
    if (index >= package_get()->file_count) {
        call->detail = 1;
        return NULL;
    }
    uint32_t count = package_get()->file_count;
    return boot_package_file(package_get(), (uint32_t)speculation_clamp(index, count));
}

status_t boot_package_decode_size(struct call *call,
                                  const struct capos_boot_package_size_params *params) {
    const struct boot_package_file *file = find_file(call, params->index);
    if (file == NULL) {
        return CAPOS_E_NOT_FOUND;
    }
    call->decoded[0] = file->size;
    return CAPOS_OK;
}

void boot_package_invoke_size(struct call *call, struct capos_boot_package_size_results *results) {
    results->size = call->decoded[0];
}

/* Copies what fits into the caller's buffer; the count goes to invoke. */
static status_t copy_to_caller(struct call *call, const void *source, uint64_t size) {
    uint64_t count = size < call->buffer_length ? size : call->buffer_length;
    call->decoded[0] = count;
    return space_copy_out(&call->process->space, call->buffer, source, count);
}

status_t boot_package_decode_name(struct call *call,
                                  const struct capos_boot_package_name_params *params) {
    const struct boot_package_file *file = find_file(call, params->index);
    return file == NULL ? CAPOS_E_NOT_FOUND : copy_to_caller(call, file->name, strlen(file->name));
}

void boot_package_invoke_name(struct call *call, struct capos_boot_package_name_results *results) {
    results->count = call->decoded[0];
}

status_t boot_package_decode_read(struct call *call,
                                  const struct capos_boot_package_read_params *params) {
    const struct boot_package_file *file = find_file(call, params->index);
    if (file == NULL) {
        return CAPOS_E_NOT_FOUND;
    }
    if (params->offset >= file->size) {
        return copy_to_caller(call, NULL, 0);
    }
    uint64_t rest = file->size - params->offset;
    return copy_to_caller(call, package_get()->data + file->offset + params->offset,
                          rest < READ_BYTES_MAX ? rest : READ_BYTES_MAX);
}

void boot_package_invoke_read(struct call *call, struct capos_boot_package_read_results *results) {
    results->count = call->decoded[0];
}
