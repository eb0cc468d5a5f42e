/* The input is a message: once with a segment table, once as one segment. All that can be reached
 * in it is read. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/host/wire_walk.h"

#define TRAVERSAL_WORDS_MAX 256u
#define STEPS_MAX 128u

static void read_all(struct wire_message *message) {
    static volatile uint64_t sink;
    uint32_t steps_left = STEPS_MAX;
    uint64_t words_before = message->traversal_words_left;
    sink = sink + wire_walk_struct(wire_root(message), &steps_left);
    ASSERT(message->traversal_words_left <= words_before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct wire_message message;
    uint64_t *words = malloc(size);
    if (words == NULL) {
        return 0;
    }
    memcpy(words, data, size);
    if (wire_open_framed(&message, words, size, TRAVERSAL_WORDS_MAX)) {
        ASSERT(message.segment_count > 0 && message.segment_count <= WIRE_SEGMENTS_MAX);
        read_all(&message);
    }
    if (wire_open_segment(&message, words, (uint32_t)(size / 8), TRAVERSAL_WORDS_MAX)) {
        read_all(&message);
    }
    free(words);
    return 0;
}

/* A struct of every kind of field, first without and then with its segment table. */
static void write_single_segment(void) {
    uint64_t words[64];
    struct wire_builder builder;
    wire_builder_init(&builder, words + 1, 63);
    struct wire_builder_struct root = wire_build_root(&builder, 2, 4);
    wire_set_u64(root, 0, 7);
    wire_set_text(root, 0, "text", 4);
    struct wire_builder_list texts = wire_set_pointer_list(root, 1, 2);
    wire_builder_list_set_text(texts, 0, "first", 5);
    wire_builder_list_set_text(texts, 1, "second", 6);
    struct wire_builder_list structs = wire_set_struct_list(root, 2, 2, 1, 1);
    wire_set_data(wire_builder_list_struct(structs, 1), 0, "data", 4);
    wire_builder_list_set_u64(wire_set_u64_list(root, 3, 3), 2, 5);
    uint32_t count = wire_builder_finish(&builder);
    words[0] = (uint64_t)count << 32;
    seed_write("segment", words + 1, count * sizeof(uint64_t));
    seed_write("framed", words, (count + 1) * sizeof(uint64_t));
}

/* Three segments: the root's pointer is far and double, by way of the second to the third. */
static void write_far_pointers(void) {
    const uint64_t words[] = {
        2 | UINT64_C(2) << 32,
        2 | UINT64_C(1) << 32,
        UINT64_C(1) << 48,
        6 | UINT64_C(1) << 32,
        2 | UINT64_C(2) << 32,
        UINT64_C(1) << 32,
        42,
    };
    seed_write("far", words, sizeof words);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    write_single_segment();
    write_far_pointers();
    return 0;
}
