#include "tools/capos/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "capos/manifest.h"
#include "core/assert.h"
#include "core/wire.h"
#include "tools/capos/message.h"

/* Enough for every fixed part: root, program, and 40 words for each grant. */
#define FIXED_WORDS (64u + 40u * GRANTS_MAX)

static void set_text(struct wire_builder_struct s, uint16_t pointer, const char *text) {
    wire_set_text(s, pointer, text, strlen(text));
}

static void build_grants(struct wire_builder_struct program, const struct grant_list *grants) {
    const struct wire_builder_list list =
        wire_set_struct_list(program, CAPOS_MANIFEST_PROGRAM_GRANTS_POINTER, grants->count,
                             CAPOS_MANIFEST_GRANT_DATA_WORDS, CAPOS_MANIFEST_GRANT_POINTERS);
    for (uint32_t i = 0; i < grants->count; i++) {
        const struct grant *grant = &grants->items[i];
        const struct wire_builder_struct item = wire_builder_list_struct(list, i);
        set_text(item, CAPOS_MANIFEST_GRANT_NAME_POINTER, grant->interface->grant_name);
        set_text(item, CAPOS_MANIFEST_GRANT_KIND_POINTER, grant->interface->grant_name);
        if (grant->facet[0] != '\0') {
            set_text(item, CAPOS_MANIFEST_GRANT_FACET_POINTER, grant->facet);
        }
    }
}

static void build_manifest(struct wire_builder *builder, const struct manifest_program *program) {
    const struct wire_builder_struct root =
        wire_build_root(builder, CAPOS_MANIFEST_DATA_WORDS, CAPOS_MANIFEST_POINTERS);
    const struct wire_builder_list programs =
        wire_set_struct_list(root, CAPOS_MANIFEST_PROGRAMS_POINTER, 1,
                             CAPOS_MANIFEST_PROGRAM_DATA_WORDS, CAPOS_MANIFEST_PROGRAM_POINTERS);
    const struct wire_builder_struct item = wire_builder_list_struct(programs, 0);
    set_text(item, CAPOS_MANIFEST_PROGRAM_FILE_POINTER, program->file);
    const struct wire_builder_list arguments = wire_set_pointer_list(
        item, CAPOS_MANIFEST_PROGRAM_ARGUMENTS_POINTER, program->argument_count);
    for (uint32_t i = 0; i < program->argument_count; i++) {
        const char *argument = program->arguments[i];
        wire_builder_list_set_text(arguments, i, argument, strlen(argument));
    }
    build_grants(item, program->grants);
}

static bool arguments_fit(const struct manifest_program *program, size_t *bytes) {
    *bytes = 0;
    for (uint32_t i = 0; i < program->argument_count; i++) {
        *bytes += strlen(program->arguments[i]) + 1;
    }
    if (program->argument_count > MANIFEST_ARGUMENTS_MAX || *bytes > MANIFEST_ARGUMENT_BYTES_MAX) {
        message_error(program->file,
                      "its arguments are more than %u, or longer than %u bytes together; pass a "
                      "long list on standard input",
                      MANIFEST_ARGUMENTS_MAX, MANIFEST_ARGUMENT_BYTES_MAX);
        return false;
    }
    return true;
}

void *manifest_create(const struct manifest_program *program, size_t *size) {
    size_t argument_bytes;
    if (!arguments_fit(program, &argument_bytes)) {
        return NULL;
    }
    /* Each text takes a pointer and its bytes with the final 0, rounded up. */
    const uint32_t capacity =
        FIXED_WORDS + (uint32_t)(argument_bytes / 8) + 2 * program->argument_count;
    uint64_t *message = calloc(1 + capacity, sizeof *message);
    ASSERT(message != NULL);
    struct wire_builder builder;
    wire_builder_init(&builder, message + 1, capacity);
    build_manifest(&builder, program);
    const uint32_t words = wire_builder_finish(&builder);
    ASSERT(words != 0);
    /* The segment table of one segment: count minus one, then its length in words. */
    message[0] = (uint64_t)words << 32;
    *size = (1 + (size_t)words) * sizeof *message;
    return message;
}
