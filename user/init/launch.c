#include "user/init/launch.h"

#define TEXTS_MAX CAPOS_SPAWN_STRINGS_MAX
#define GRANTS_MAX 64u

/* A wire text ends with a 0 beyond its length; an absent one has no bytes at all. */
static const char *text_or_empty(struct wire_text text) {
    return text.data != NULL ? text.data : "";
}

static bool take_texts(struct wire_list list, const char *texts[TEXTS_MAX], uint32_t *count) {
    if (list.count > TEXTS_MAX) {
        return false;
    }
    for (uint32_t index = 0; index < list.count; index++) {
        texts[index] = text_or_empty(wire_list_text(list, index));
    }
    *count = list.count;
    return true;
}

/* init holds each of its own capabilities under the grant name of its interface. */
static int64_t take_grants(struct wire_list list, struct capos_spawn_grant grants[GRANTS_MAX],
                           uint32_t *detail) {
    if (list.count > GRANTS_MAX) {
        return CAPOS_E_TOO_LARGE;
    }
    for (uint32_t index = 0; index < list.count; index++) {
        struct wire_struct entry = wire_list_struct(list, index);
        const char *kind = text_or_empty(wire_get_text(entry, CAPOS_MANIFEST_GRANT_KIND_POINTER));
        grants[index] = (struct capos_spawn_grant){
            .name = text_or_empty(wire_get_text(entry, CAPOS_MANIFEST_GRANT_NAME_POINTER)),
            .capability = capos_lookup(kind, 0),
            .mode = CAPOS_SPAWN_GRANT_MODE_DERIVE,
            .facet = text_or_empty(wire_get_text(entry, CAPOS_MANIFEST_GRANT_FACET_POINTER)),
        };
        if (grants[index].capability == CAPOS_CAP_NONE) {
            *detail = CAPOS_DETAIL_GRANT_FIRST + index;
            return CAPOS_E_NOT_FOUND;
        }
    }
    return 0;
}

int64_t launch_program(struct wire_struct program, capos_cap_t *process, uint32_t *detail) {
    if (program.message == NULL) {
        return CAPOS_E_BAD_MESSAGE;
    }
    static const char *arguments[TEXTS_MAX], *environment[TEXTS_MAX];
    static struct capos_spawn_grant grants[GRANTS_MAX];
    struct wire_list grant_list = wire_get_list(program, CAPOS_MANIFEST_PROGRAM_GRANTS_POINTER);
    uint64_t limit = wire_get_u64(program, CAPOS_MANIFEST_PROGRAM_MEMORY_LIMIT_OFFSET);
    struct capos_spawn spawn = {
        .program = text_or_empty(wire_get_text(program, CAPOS_MANIFEST_PROGRAM_FILE_POINTER)),
        .arguments = arguments,
        .environment = environment,
        .grants = grants,
        .grant_count = grant_list.count,
        .frames_limit = limit / CAPOS_PAGE_SIZE + (limit % CAPOS_PAGE_SIZE != 0),
    };
    *detail = 0;
    if (!take_texts(wire_get_list(program, CAPOS_MANIFEST_PROGRAM_ARGUMENTS_POINTER), arguments,
                    &spawn.argument_count) ||
        !take_texts(wire_get_list(program, CAPOS_MANIFEST_PROGRAM_ENVIRONMENT_POINTER), environment,
                    &spawn.environment_count)) {
        return CAPOS_E_TOO_LARGE;
    }
    int64_t result = take_grants(grant_list, grants, detail);
    if (result == 0 && program.message->failed) {
        return CAPOS_E_BAD_MESSAGE;
    }
    return result != 0 ? result
                       : capos_spawn(capos_lookup("spawner", CAPOS_PROCESS_SPAWNER_INTERFACE),
                                     &spawn, process, detail);
}
