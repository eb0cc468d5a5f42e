#include "capos/spawn.h"

#include "capos/errors.h"
#include "capos/string.h"
#include "core/wire.h"

static void set_text(struct wire_builder_struct target, uint16_t pointer, const char *text) {
    if (text != NULL) {
        wire_set_text(target, pointer, text, strlen(text));
    }
}

static void set_texts(struct wire_builder_struct target, uint16_t pointer, const char *const *texts,
                      uint32_t count) {
    struct wire_builder_list list = wire_set_pointer_list(target, pointer, count);
    for (uint32_t index = 0; index < count; index++) {
        wire_builder_list_set_text(list, index, texts[index], strlen(texts[index]));
    }
}

static void set_grants(struct wire_builder_struct target, const struct capos_spawn *spawn) {
    struct wire_builder_list list = wire_set_struct_list(
        target, CAPOS_PROCESS_SPAWNER_SPAWN_PARAMS_GRANTS_POINTER, spawn->grant_count,
        CAPOS_SPAWN_GRANT_DATA_WORDS, CAPOS_SPAWN_GRANT_POINTERS);
    for (uint32_t index = 0; index < spawn->grant_count; index++) {
        const struct capos_spawn_grant *grant = &spawn->grants[index];
        struct wire_builder_struct element = wire_builder_list_struct(list, index);
        set_text(element, CAPOS_SPAWN_GRANT_NAME_POINTER, grant->name);
        wire_set_u64(element, CAPOS_SPAWN_GRANT_CAPABILITY_OFFSET, grant->capability);
        wire_set_u16(element, CAPOS_SPAWN_GRANT_MODE_OFFSET, (uint16_t)grant->mode);
        set_text(element, CAPOS_SPAWN_GRANT_FACET_POINTER, grant->facet);
    }
}

uint32_t capos_spawn_build(const struct capos_spawn *spawn, uint64_t *words,
                           uint32_t word_count_max) {
    struct wire_builder builder;
    wire_builder_init(&builder, words, word_count_max);
    struct wire_builder_struct root =
        wire_build_root(&builder, CAPOS_PROCESS_SPAWNER_SPAWN_PARAMS_DATA_WORDS,
                        CAPOS_PROCESS_SPAWNER_SPAWN_PARAMS_POINTERS);
    set_text(root, CAPOS_PROCESS_SPAWNER_SPAWN_PARAMS_PROGRAM_POINTER, spawn->program);
    set_texts(root, CAPOS_PROCESS_SPAWNER_SPAWN_PARAMS_ARGUMENTS_POINTER, spawn->arguments,
              spawn->argument_count);
    set_texts(root, CAPOS_PROCESS_SPAWNER_SPAWN_PARAMS_ENVIRONMENT_POINTER, spawn->environment,
              spawn->environment_count);
    set_grants(root, spawn);
    wire_set_u64(root, CAPOS_PROCESS_SPAWNER_SPAWN_PARAMS_FRAMES_LIMIT_OFFSET, spawn->frames_limit);
    return wire_builder_finish(&builder);
}

int64_t capos_spawn(capos_cap_t spawner, const struct capos_spawn *spawn, capos_cap_t *process,
                    uint32_t *detail) {
    uint64_t words[CAPOS_SPAWN_WORDS_MAX];
    uint32_t word_count = capos_spawn_build(spawn, words, CAPOS_SPAWN_WORDS_MAX);
    *detail = 0;
    if (word_count == 0) {
        return CAPOS_E_TOO_LARGE;
    }
    /* A refused operation returns its detail where a process id would be. */
    uint64_t aux = 0;
    int64_t result = capos_process_spawner_spawn(spawner, words, word_count, &aux);
    if (result == 0) {
        *process = aux;
    } else {
        *detail = (uint32_t)aux;
    }
    return result;
}
