#include "tools/capos/manifest.h"

#include "capos/manifest.h"
#include "core/wire.h"
#include "tests/host/test.h"

static bool text_is(struct wire_text text, const char *wanted) {
    return text.length == strlen(wanted) && memcmp(text.data, wanted, text.length) == 0;
}

TEST(program_arguments_and_grants_are_there) {
    struct grant_list grants = {0};
    CHECK(grants_parse(&grants, "console,memory=16M"));
    char *arguments[] = {"hello.elf", "", "two words"};
    const struct manifest_program program = {
        .file = "hello.elf", .arguments = arguments, .argument_count = 3, .grants = &grants};
    size_t size;
    void *bytes = manifest_create(&program, &size);
    CHECK(bytes != NULL);

    struct wire_message message;
    CHECK(wire_open_framed(&message, bytes, size, 4096));
    const struct wire_list programs =
        wire_get_list(wire_root(&message), CAPOS_MANIFEST_PROGRAMS_POINTER);
    CHECK_EQUAL(programs.count, 1);
    const struct wire_struct item = wire_list_struct(programs, 0);
    CHECK(text_is(wire_get_text(item, CAPOS_MANIFEST_PROGRAM_FILE_POINTER), "hello.elf"));
    const struct wire_list argv = wire_get_list(item, CAPOS_MANIFEST_PROGRAM_ARGUMENTS_POINTER);
    CHECK_EQUAL(argv.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(text_is(wire_list_text(argv, i), arguments[i]));
    }
    const struct wire_list given = wire_get_list(item, CAPOS_MANIFEST_PROGRAM_GRANTS_POINTER);
    CHECK_EQUAL(given.count, 2);
    const struct wire_struct memory = wire_list_struct(given, 1);
    CHECK(text_is(wire_get_text(memory, CAPOS_MANIFEST_GRANT_NAME_POINTER), "memory"));
    CHECK(text_is(wire_get_text(memory, CAPOS_MANIFEST_GRANT_KIND_POINTER), "memory"));
    CHECK(text_is(wire_get_text(memory, CAPOS_MANIFEST_GRANT_FACET_POINTER), "16M"));
    CHECK(!message.failed);
    free(bytes);
}

TEST(the_longest_arguments_fit_and_longer_ones_are_refused) {
    static char *arguments[MANIFEST_ARGUMENTS_MAX + 1];
    static char text[MANIFEST_ARGUMENT_BYTES_MAX / MANIFEST_ARGUMENTS_MAX];
    memset(text, 'a', sizeof text - 1);
    for (unsigned i = 0; i <= MANIFEST_ARGUMENTS_MAX; i++) {
        arguments[i] = text;
    }
    struct grant_list grants = {0};
    CHECK(grants_parse(&grants, "default,boot,spawner"));
    struct manifest_program program = {.file = "a",
                                       .arguments = arguments,
                                       .argument_count = MANIFEST_ARGUMENTS_MAX,
                                       .grants = &grants};
    size_t size;
    void *bytes = manifest_create(&program, &size);
    CHECK(bytes != NULL);
    free(bytes);
    program.argument_count++;
    CHECK(manifest_create(&program, &size) == NULL);
    static char long_text[MANIFEST_ARGUMENT_BYTES_MAX + 1];
    memset(long_text, 'a', sizeof long_text - 1);
    arguments[0] = long_text;
    program.argument_count = 1;
    CHECK(manifest_create(&program, &size) == NULL);
}
