#include "process_spawner.h"

#include "kernel/boot/package.h"
#include "kernel/cap/call.h"
#include "kernel/cap/object.h"
#include "kernel/sched/loader.h"
#include "process.h"

/*
 * A spawn is planned whole in decode, where it may fail at any step and be undone; invoke only lets
 * it out: the child runs, moved capabilities leave the caller, the Process capability goes live.
 */
#define GRANT_NAME_MAX 31u

enum { PARAMETER_PROGRAM = 1, PARAMETER_ARGUMENTS = 2, PARAMETER_ENVIRONMENT = 3 };

/* In call->decoded: the child, and the id under which the caller will hold it. */
enum { DECODED_CHILD, DECODED_ID };

/* Capabilities of the caller that are in transit. decode leaves them to invoke where the message
 * was, which has been read for the last time by then. */
struct moves {
    uint64_t count;
    uint64_t ids[PROCESS_CAPSET_MAX];
};
_Static_assert(sizeof(struct moves) <= CALL_MESSAGE_WORDS_MAX * sizeof(uint64_t), "fits");

struct grant {
    struct wire_text name, facet;
    uint64_t capability;
    uint16_t mode;
};

static const struct object_type process_spawner_type = {"ProcessSpawner", NULL};
static struct object process_spawner = {&process_spawner_type, 1};

status_t process_spawner_grant(struct process *process, struct object *source,
                               uint64_t source_badge, struct wire_text facet,
                               struct object **object_out, uint64_t *badge_out) {
    if (facet.length != 0) {
        return CAPOS_E_NOT_PERMITTED;
    }
    *object_out = object_ref(&process_spawner);
    *badge_out = 0;
    return CAPOS_OK;
}

static status_t read_texts(struct call *call, struct wire_struct params, uint16_t pointer,
                           uint32_t parameter, struct wire_text *texts, uint32_t *count) {
    struct wire_list list = wire_get_list(params, pointer);
    if (list.count > CAPOS_SPAWN_STRINGS_MAX) {
        return call_refuse(call, CAPOS_E_TOO_LARGE, parameter);
    }
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < list.count; i++) {
        texts[i] = wire_list_text(list, i);
        bytes += texts[i].length + 1;
    }
    if (bytes > CAPOS_SPAWN_STRING_BYTES_MAX) {
        return call_refuse(call, CAPOS_E_TOO_LARGE, parameter);
    }
    *count = list.count;
    return CAPOS_OK;
}

static bool is_same_text(struct wire_text a, struct wire_text b) {
    return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

static struct grant read_grant(struct wire_list list, uint32_t index) {
    struct wire_struct s = wire_list_struct(list, index);
    return (struct grant){
        .name = wire_get_text(s, CAPOS_SPAWN_GRANT_NAME_POINTER),
        .facet = wire_get_text(s, CAPOS_SPAWN_GRANT_FACET_POINTER),
        .capability = wire_get_u64(s, CAPOS_SPAWN_GRANT_CAPABILITY_OFFSET),
        .mode = wire_get_u16(s, CAPOS_SPAWN_GRANT_MODE_OFFSET),
    };
}

/* Finds what the child's slot shall hold; *object_out carries a reference for it. Under the lock of
 * the caller's table. */
static status_t resolve_grant(struct call *call, struct process *child, const struct grant *grant,
                              const struct interface **interface_out, struct object **object_out,
                              uint64_t *badge_out) {
    struct captable *table = &call->process->captable;
    struct captable_slot *slot = captable_lookup(table, grant->capability);
    if (slot == NULL) {
        return CAPOS_E_BAD_CAPABILITY;
    }
    const struct interface *interface = slot->interface;
    *interface_out = interface;
    if (grant->mode == CAPOS_SPAWN_GRANT_MODE_DERIVE) {
        return interface->grant == NULL ? CAPOS_E_WRONG_INTERFACE
                                        : interface->grant(child, slot->object, slot->badge,
                                                           grant->facet, object_out, badge_out);
    }
    if (grant->facet.length != 0) {
        return CAPOS_E_INVALID_ARGUMENT; /* only derive makes something narrower */
    }
    *badge_out = slot->badge;
    *object_out = object_ref(slot->object);
    if (grant->mode == CAPOS_SPAWN_GRANT_MODE_MOVE) {
        status_t status = captable_move_begin(table, grant->capability);
        ASSERT(status == CAPOS_OK); /* the slot is live, and we hold the lock */
    }
    return CAPOS_OK;
}

static void move_back(struct process *process, uint64_t id) {
    spinlock_lock(&process->captable_lock);
    captable_move_rollback(&process->captable, id);
    spinlock_unlock(&process->captable_lock);
}

static status_t add_grant(struct call *call, struct process *child, const struct grant *grant,
                          struct loader_request *request, struct moves *moves) {
    if (grant->name.length == 0 || grant->name.length > GRANT_NAME_MAX ||
        grant->mode >= CAPOS_SPAWN_GRANT_MODE_COUNT) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    for (uint32_t i = 0; i < request->capset_count; i++) {
        if (is_same_text(request->capset[i].name, grant->name)) {
            return CAPOS_E_EXISTS;
        }
    }
    const struct interface *interface;
    struct object *object;
    uint64_t badge = 0, id;
    spinlock_lock(&call->process->captable_lock);
    status_t status = resolve_grant(call, child, grant, &interface, &object, &badge);
    spinlock_unlock(&call->process->captable_lock);
    if (status != CAPOS_OK) {
        return status;
    }
    status = process_add_capability(child, object, interface, badge, &id);
    if (status != CAPOS_OK) {
        object_unref(object);
        if (grant->mode == CAPOS_SPAWN_GRANT_MODE_MOVE) {
            move_back(call->process, grant->capability);
        }
        return status;
    }
    if (grant->mode == CAPOS_SPAWN_GRANT_MODE_MOVE) {
        moves->ids[moves->count++] = grant->capability;
    }
    child->capset[child->capset_count++] = id;
    request->capset[request->capset_count++] =
        (struct loader_capset_entry){id, interface->id, grant->name};
    return CAPOS_OK;
}

static void roll_back(struct call *call, const struct moves *moves) {
    for (uint64_t i = 0; i < moves->count; i++) {
        move_back(call->process, moves->ids[i]);
    }
}

static void commit(struct call *call, const struct moves *moves) {
    for (uint64_t i = 0; i < moves->count; i++) {
        struct captable_slot removed;
        spinlock_lock(&call->process->captable_lock);
        captable_move_commit(&call->process->captable, moves->ids[i], &removed);
        spinlock_unlock(&call->process->captable_lock);
        process_drop_removed(call->process, &removed);
    }
}

static status_t add_grants(struct call *call, struct process *child, struct wire_list grants,
                           struct loader_request *request, struct moves *moves) {
    if (grants.count > PROCESS_CAPSET_MAX) {
        return CAPOS_E_TOO_LARGE;
    }
    for (uint32_t i = 0; i < grants.count; i++) {
        struct grant grant = read_grant(grants, i);
        status_t status = call->wire.failed ? CAPOS_E_BAD_MESSAGE
                                            : add_grant(call, child, &grant, request, moves);
        if (status != CAPOS_OK) {
            return call_refuse(call, status, CAPOS_DETAIL_GRANT_FIRST + i);
        }
    }
    return CAPOS_OK;
}

static status_t find_image(struct call *call, struct wire_text name, struct elf_image *image,
                           const uint8_t **file_out) {
    const struct boot_package *package = package_get();
    const struct boot_package_file *file = boot_package_find(package, name.data, name.length);
    if (file == NULL) {
        return call_refuse(call, CAPOS_E_NOT_FOUND, PARAMETER_PROGRAM);
    }
    *file_out = package->data + file->offset;
    enum elf_error error = elf_parse(*file_out, file->size, USER_LOW, USER_HIGH, image);
    return error == ELF_OK ? CAPOS_OK : call_refuse(call, CAPOS_E_BAD_IMAGE, error);
}

/* The caller's slot for the Process capability, live only when nothing can fail any more. */
static status_t add_handle(struct call *call, struct process *child) {
    uint64_t id;
    status_t status = process_add_capability(call->process, object_ref(&child->object),
                                             &process_interface, 0, &id);
    if (status != CAPOS_OK) {
        object_unref(&child->object);
        return status;
    }
    call->decoded[DECODED_ID] = id;
    return CAPOS_OK;
}

static status_t make_child(struct call *call, struct process *child, struct wire_list grants,
                           struct loader_request *request) {
    struct moves moves = {0};
    status_t status = add_grants(call, child, grants, request, &moves);
    if (status == CAPOS_OK) {
        status = loader_load(child, request);
    }
    if (status == CAPOS_OK) {
        status = add_handle(call, child);
    }
    if (status == CAPOS_OK) {
        memcpy(call->message, &moves, sizeof moves);
    } else {
        roll_back(call, &moves);
    }
    return status;
}

status_t process_spawner_decode_spawn(struct call *call, struct wire_struct params) {
    struct elf_image image;
    struct loader_request request; /* large: only what is counted in it is filled in */
    request.image = &image;
    request.argument_count = request.environment_count = request.capset_count = 0;
    struct wire_text name =
        wire_get_text(params, CAPOS_PROCESS_SPAWNER_SPAWN_PARAMS_PROGRAM_POINTER);
    status_t status = find_image(call, name, &image, &request.file);
    if (status == CAPOS_OK) {
        status = read_texts(call, params, CAPOS_PROCESS_SPAWNER_SPAWN_PARAMS_ARGUMENTS_POINTER,
                            PARAMETER_ARGUMENTS, request.arguments, &request.argument_count);
    }
    if (status == CAPOS_OK) {
        status = read_texts(call, params, CAPOS_PROCESS_SPAWNER_SPAWN_PARAMS_ENVIRONMENT_POINTER,
                            PARAMETER_ENVIRONMENT, request.environment, &request.environment_count);
    }
    struct wire_list grants =
        wire_get_list(params, CAPOS_PROCESS_SPAWNER_SPAWN_PARAMS_GRANTS_POINTER);
    uint64_t limit = wire_get_u64(params, CAPOS_PROCESS_SPAWNER_SPAWN_PARAMS_FRAMES_LIMIT_OFFSET);
    if (status == CAPOS_OK && call->wire.failed) {
        status = CAPOS_E_BAD_MESSAGE;
    }
    struct process *child;
    if (status == CAPOS_OK) {
        status = process_create(name.data, name.length, call->process, limit, image.high, &child);
    }
    if (status != CAPOS_OK) {
        return status;
    }
    status = make_child(call, child, grants, &request);
    if (status != CAPOS_OK) {
        process_abandon(child);
        return status;
    }
    call->decoded[DECODED_CHILD] = (uint64_t)(uintptr_t)child;
    return CAPOS_OK;
}

void process_spawner_invoke_spawn(struct call *call,
                                  struct capos_process_spawner_spawn_results *results) {
    struct process *child = (struct process *)(uintptr_t)call->decoded[DECODED_CHILD];
    struct moves moves;
    memcpy(&moves, call->message, sizeof moves);
    commit(call, &moves);
    results->process = call->decoded[DECODED_ID];
    process_start(child);
}
