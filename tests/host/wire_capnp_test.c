/* core/wire.h against the stock capnp tool: both read what the other one wrote. */
#include <unistd.h>

#include "capos/manifest.h"
#include "core/wire.h"
#include "tests/host/test.h"
#include "tests/host/wire_walk.h"

#define BYTES_MAX 65536u
#define TRAVERSAL_WORDS_MAX 8192u

static uint64_t buffer[BYTES_MAX / 8];

/* Runs a shell command with these bytes as its input and returns how many it printed to buffer. */
static size_t run(const char *command, const void *input, size_t size) {
    char path[] = "/tmp/capos-wire-XXXXXX";
    char line[512];
    int descriptor = mkstemp(path);
    CHECK(descriptor >= 0);
    CHECK_EQUAL(write(descriptor, input, size), size);
    close(descriptor);
    snprintf(line, sizeof line, "%s <%s", command, path);
    FILE *pipe = popen(line, "r");
    CHECK(pipe != NULL);
    size_t count = fread(buffer, 1, sizeof buffer - 1, pipe);
    int status = pclose(pipe);
    unlink(path);
    CHECK_EQUAL(status, 0);
    ((char *)buffer)[count] = 0;
    return count;
}

static size_t encode_manifest(const char *text) {
    return run("capnp encode -Ischema schema/manifest.capnp Manifest", text, strlen(text));
}

static void check_text(struct wire_text text, const char *wanted) {
    CHECK(text.data != NULL);
    CHECK_EQUAL(text.length, strlen(wanted));
    CHECK_STRING(text.data, wanted);
}

static const char manifest_text[] =
    "(programs = [(file = \"init\", arguments = [\"init\", \"-v\"], memoryLimit = 16777216,\n"
    "  grants = [(name = \"console\", kind = \"console\"),\n"
    "            (name = \"clock\", kind = \"timer\", facet = \"monotonic\")]),\n"
    "  (file = \"\")])";

TEST(reads_what_capnp_encodes) {
    struct wire_message message;
    size_t size = encode_manifest(manifest_text);
    CHECK(wire_open_framed(&message, buffer, size, TRAVERSAL_WORDS_MAX));
    struct wire_struct manifest = wire_root(&message);
    CHECK_EQUAL(
        wire_get_u32(manifest, CAPOS_MANIFEST_VERSION_OFFSET) ^ CAPOS_MANIFEST_VERSION_DEFAULT, 1);
    struct wire_list programs = wire_get_list(manifest, CAPOS_MANIFEST_PROGRAMS_POINTER);
    CHECK_EQUAL(programs.count, 2);

    struct wire_struct program = wire_list_struct(programs, 0);
    check_text(wire_get_text(program, CAPOS_MANIFEST_PROGRAM_FILE_POINTER), "init");
    CHECK_EQUAL(wire_get_u64(program, CAPOS_MANIFEST_PROGRAM_MEMORY_LIMIT_OFFSET), 16777216);
    struct wire_list arguments = wire_get_list(program, CAPOS_MANIFEST_PROGRAM_ARGUMENTS_POINTER);
    CHECK_EQUAL(arguments.count, 2);
    check_text(wire_list_text(arguments, 1), "-v");
    CHECK(!wire_has_pointer(program, CAPOS_MANIFEST_PROGRAM_ENVIRONMENT_POINTER));
    CHECK_EQUAL(wire_get_list(program, CAPOS_MANIFEST_PROGRAM_ENVIRONMENT_POINTER).count, 0);
    struct wire_list grants = wire_get_list(program, CAPOS_MANIFEST_PROGRAM_GRANTS_POINTER);
    CHECK_EQUAL(grants.count, 2);
    struct wire_struct grant = wire_list_struct(grants, 1);
    check_text(wire_get_text(grant, CAPOS_MANIFEST_GRANT_KIND_POINTER), "timer");
    check_text(wire_get_text(grant, CAPOS_MANIFEST_GRANT_FACET_POINTER), "monotonic");

    program = wire_list_struct(programs, 1);
    CHECK_EQUAL(wire_get_text(program, CAPOS_MANIFEST_PROGRAM_FILE_POINTER).length, 0);
    CHECK_EQUAL(wire_get_u64(program, CAPOS_MANIFEST_PROGRAM_MEMORY_LIMIT_OFFSET), 0);
    CHECK(!message.failed);
}

/* capnp starts a new segment when one is full, and reaches it with far pointers. */
TEST(reads_several_segments_of_capnp) {
    static char text[BYTES_MAX];
    size_t length = (size_t)snprintf(text, sizeof text, "(programs = [");
    for (unsigned i = 0; i < 300; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length,
                                   "%s(file = \"program-%u\", arguments = [\"%u\"])",
                                   i > 0 ? "," : "", i, i);
    }
    snprintf(text + length, sizeof text - length, "])");
    struct wire_message message;
    size_t size = encode_manifest(text);
    CHECK(wire_open_framed(&message, buffer, size, TRAVERSAL_WORDS_MAX));
    CHECK(message.segment_count > 1);
    struct wire_list programs = wire_get_list(wire_root(&message), CAPOS_MANIFEST_PROGRAMS_POINTER);
    CHECK_EQUAL(programs.count, 300);
    for (uint32_t i = 0; i < programs.count; i++) {
        char wanted[32];
        struct wire_struct program = wire_list_struct(programs, i);
        struct wire_list arguments =
            wire_get_list(program, CAPOS_MANIFEST_PROGRAM_ARGUMENTS_POINTER);
        snprintf(wanted, sizeof wanted, "program-%u", i);
        check_text(wire_get_text(program, CAPOS_MANIFEST_PROGRAM_FILE_POINTER), wanted);
        check_text(wire_list_text(arguments, 0), wanted + strlen("program-"));
    }
    CHECK(!message.failed);
}

/* Builds the manifest of manifest_text; returns its words, or 0. */
static uint32_t build_manifest(uint64_t *words, uint32_t capacity) {
    struct wire_builder builder;
    wire_builder_init(&builder, words, capacity);
    struct wire_builder_struct manifest =
        wire_build_root(&builder, CAPOS_MANIFEST_DATA_WORDS, CAPOS_MANIFEST_POINTERS);
    struct wire_builder_list programs =
        wire_set_struct_list(manifest, CAPOS_MANIFEST_PROGRAMS_POINTER, 2,
                             CAPOS_MANIFEST_PROGRAM_DATA_WORDS, CAPOS_MANIFEST_PROGRAM_POINTERS);
    struct wire_builder_struct program = wire_builder_list_struct(programs, 0);
    wire_set_text(program, CAPOS_MANIFEST_PROGRAM_FILE_POINTER, "init", 4);
    wire_set_u64(program, CAPOS_MANIFEST_PROGRAM_MEMORY_LIMIT_OFFSET, 16777216);
    struct wire_builder_list arguments =
        wire_set_pointer_list(program, CAPOS_MANIFEST_PROGRAM_ARGUMENTS_POINTER, 2);
    wire_builder_list_set_text(arguments, 0, "init", 4);
    wire_builder_list_set_text(arguments, 1, "-v", 2);
    struct wire_builder_list grants =
        wire_set_struct_list(program, CAPOS_MANIFEST_PROGRAM_GRANTS_POINTER, 2,
                             CAPOS_MANIFEST_GRANT_DATA_WORDS, CAPOS_MANIFEST_GRANT_POINTERS);
    struct wire_builder_struct grant = wire_builder_list_struct(grants, 0);
    wire_set_text(grant, CAPOS_MANIFEST_GRANT_NAME_POINTER, "console", 7);
    wire_set_text(grant, CAPOS_MANIFEST_GRANT_KIND_POINTER, "console", 7);
    grant = wire_builder_list_struct(grants, 1);
    wire_set_text(grant, CAPOS_MANIFEST_GRANT_NAME_POINTER, "clock", 5);
    wire_set_text(grant, CAPOS_MANIFEST_GRANT_KIND_POINTER, "timer", 5);
    wire_set_text(grant, CAPOS_MANIFEST_GRANT_FACET_POINTER, "monotonic", 9);
    wire_set_text(wire_builder_list_struct(programs, 1), CAPOS_MANIFEST_PROGRAM_FILE_POINTER, "",
                  0);
    return wire_builder_finish(&builder);
}

/* Both go through capnp decode, which must print the same. */
TEST(capnp_decodes_what_is_built) {
    static char wanted[BYTES_MAX];
    const char *decode = "capnp decode -Ischema schema/manifest.capnp Manifest";
    size_t size = encode_manifest(manifest_text);
    uint64_t *encoded = malloc(size);
    memcpy(encoded, buffer, size);
    size_t length = run(decode, encoded, size);
    memcpy(wanted, buffer, length + 1);
    free(encoded);

    uint64_t framed[101];
    uint32_t words = build_manifest(framed + 1, 100);
    CHECK(words > 0);
    framed[0] = (uint64_t)words << 32;
    run(decode, framed, (words + 1) * 8);
    CHECK_STRING((const char *)buffer, wanted);
}

TEST(builder_stops_at_its_capacity) {
    uint64_t words[128];
    uint32_t needed = build_manifest(words, 128);
    CHECK(needed > 20);
    for (uint32_t capacity = 0; capacity < needed; capacity++) {
        words[capacity] = UINT64_C(0x5a5a5a5a5a5a5a5a);
        CHECK_EQUAL(build_manifest(words, capacity), 0);
        CHECK_EQUAL(words[capacity], UINT64_C(0x5a5a5a5a5a5a5a5a));
    }
    CHECK_EQUAL(build_manifest(words, needed), needed);
}

TEST(builder_refuses_absurd_lengths) {
    uint64_t words[16];
    struct wire_builder builder;
    wire_builder_init(&builder, words, 16);
    struct wire_builder_struct root = wire_build_root(&builder, 0, 1);
    wire_set_text(root, 0, NULL, SIZE_MAX);
    CHECK(builder.failed);
    wire_builder_init(&builder, words, 16);
    root = wire_build_root(&builder, 0, 1);
    wire_set_struct_list(root, 0, UINT32_MAX, UINT16_MAX, UINT16_MAX);
    CHECK(builder.failed);
    wire_builder_init(&builder, words, 16);
    root = wire_build_root(&builder, 0, 1);
    wire_set_struct_list(root, 0, UINT32_C(1) << 29, 0, 0);
    CHECK(builder.failed);
    wire_builder_init(&builder, words, 16);
    root = wire_build_root(&builder, 1, 1);
    CHECK_ASSERTS(wire_set_u64(root, 1, 0));
    CHECK_ASSERTS(wire_set_bool(root, 64, true));
    CHECK_ASSERTS(wire_set_text(root, 1, "", 0));
}

TEST(fields_of_all_sizes_round_trip) {
    uint64_t words[16];
    struct wire_builder builder;
    struct wire_message message;
    wire_builder_init(&builder, words, 16);
    struct wire_builder_struct root = wire_build_root(&builder, 2, 3);
    wire_set_bool(root, 9, true);
    wire_set_bool(root, 10, true);
    wire_set_bool(root, 10, false);
    wire_set_u16(root, 1, 0xbeef);
    wire_set_u32(root, 1, 0xdeadbeef);
    wire_set_u64(root, 1, UINT64_C(0x0123456789abcdef));
    wire_set_data(root, 0, "\0\1\2", 3);
    struct wire_builder_list list = wire_set_u64_list(root, 1, 2);
    wire_builder_list_set_u64(list, 1, 77);
    wire_set_u64(wire_set_struct(root, 2, 1, 0), 0, 5);
    uint32_t count = wire_builder_finish(&builder);
    CHECK(count > 0 && wire_open_segment(&message, words, count, 100));
    struct wire_struct s = wire_root(&message);
    CHECK(!wire_get_bool(s, 8) && wire_get_bool(s, 9) && !wire_get_bool(s, 10));
    CHECK_EQUAL(wire_get_u8(s, 1), 2);
    CHECK_EQUAL(wire_get_u16(s, 1), 0xbeef);
    CHECK_EQUAL(wire_get_u32(s, 1), 0xdeadbeef);
    CHECK_EQUAL(wire_get_u64(s, 1), UINT64_C(0x0123456789abcdef));
    CHECK_EQUAL(wire_get_data(s, 0).length, 3);
    CHECK_EQUAL(wire_get_data(s, 0).data[2], 2);
    CHECK_EQUAL(wire_list_u64(wire_get_list(s, 1), 1), 77);
    CHECK_EQUAL(wire_get_u64(wire_list_struct(wire_get_list(s, 1), 1), 0), 77);
    CHECK_EQUAL(wire_get_u64(wire_get_struct(s, 2), 0), 5);
    /* Beyond the data is what a newer schema added: its default. */
    CHECK_EQUAL(wire_get_u64(s, 2) + wire_get_u32(s, UINT32_MAX) + wire_get_bool(s, 128), 0);
    CHECK(!wire_has_pointer(s, 3) && wire_get_text(s, 3).data == NULL);
    CHECK(!message.failed);
}

TEST(empty_structs_are_not_null) {
    uint64_t words[2];
    struct wire_builder builder;
    wire_builder_init(&builder, words, 2);
    struct wire_builder_struct root = wire_build_root(&builder, 0, 1);
    wire_set_struct(root, 0, 0, 0);
    CHECK_EQUAL(wire_builder_finish(&builder), 2);
    struct wire_message message;
    CHECK(wire_open_segment(&message, words, 2, 100));
    CHECK(wire_get_struct(wire_root(&message), 0).message != NULL);
    CHECK(!message.failed);
}

/* Bytes of a valid message are changed at random, and it is cut short at random. */
TEST(mutated_messages_are_read_in_bounds) {
    static volatile uint64_t sink;
    uint64_t words[128] = {0};
    uint32_t count = build_manifest(words + 1, 127) + 1;
    words[0] = (uint64_t)(count - 1) << 32;
    unsigned failed = 0;
    for (unsigned round = 0; round < 8000; round++) {
        uint32_t kept = round % 4 == 0 ? 1 + (uint32_t)test_random_below(count) : count;
        uint64_t *mutated = malloc(kept * sizeof(uint64_t));
        memcpy(mutated, words, kept * sizeof(uint64_t));
        for (uint64_t changes = 1 + test_random_below(4); changes > 0; changes--) {
            uint64_t bit = test_random_below(64);
            uint64_t mask = test_random_below(2) == 0 ? UINT64_C(1) << bit : UINT64_C(255) << bit;
            mutated[test_random_below(kept)] ^= mask;
        }
        struct wire_message message;
        uint32_t steps_left = 500;
        if (wire_open_framed(&message, mutated, kept * sizeof(uint64_t), 1000)) {
            sink = wire_walk_struct(wire_root(&message), &steps_left);
        }
        failed += message.failed;
        mutated[0] = words[1];
        if (wire_open_segment(&message, mutated, kept, 1000)) {
            sink = wire_walk_struct(wire_root(&message), &steps_left);
        }
        failed += message.failed;
        free(mutated);
    }
    (void)sink;
    CHECK(failed > 2000);
}
