/* The reader of core/wire.h on messages made by hand, most of which do not hold. */
#include "core/wire.h"
#include "tests/host/test.h"

/* Words of a message by hand. */
#define STRUCT_POINTER(offset, data, pointers)                                                     \
    ((uint64_t)(uint32_t)((uint32_t)(offset) << 2) | (uint64_t)(data) << 32 |                      \
     (uint64_t)(pointers) << 48)
#define LIST_POINTER(offset, size, count)                                                          \
    ((uint64_t)(uint32_t)((uint32_t)(offset) << 2 | 1) | (uint64_t)(size) << 32 |                  \
     (uint64_t)(count) << 35)
#define FAR_POINTER(segment, offset) (2 | (uint64_t)(offset) << 3 | (uint64_t)(segment) << 32)
#define DOUBLE_FAR_POINTER(segment, offset) (FAR_POINTER(segment, offset) | 4)
#define CAPABILITY_POINTER UINT64_C(3)

/* In memory of exactly this size, so that the address sanitizer sees what is read beyond it. */
static uint64_t *copy_exactly(const uint64_t *words, size_t size) {
    uint64_t *copy = malloc(size);
    CHECK(copy != NULL);
    memcpy(copy, words, size);
    return copy;
}

/* Opens the words as one segment, reads pointer 0 of the root as
 * each kind, and says whether that failed. */
enum kind { AS_STRUCT, AS_LIST, AS_TEXT, AS_DATA };
static bool fails(const uint64_t *words, uint32_t count, enum kind kind) {
    struct wire_message message;
    uint64_t *exact = copy_exactly(words, count * sizeof(uint64_t));
    CHECK(wire_open_segment(&message, exact, count, 100));
    struct wire_struct root = wire_root(&message);
    switch (kind) {
    case AS_STRUCT:
        wire_get_struct(root, 0);
        break;
    case AS_LIST:
        wire_get_list(root, 0);
        break;
    case AS_TEXT:
        wire_get_text(root, 0);
        break;
    case AS_DATA:
        wire_get_data(root, 0);
        break;
    }
    free(exact);
    return message.failed;
}

#define ROOT STRUCT_POINTER(0, 0, 1)
#define WORDS(...)                                                                                 \
    ((const uint64_t[]){__VA_ARGS__}), sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)

TEST(pointers_stay_in_bounds) {
    /* The same pointers as those below, but right. */
    CHECK(!fails(WORDS(ROOT, STRUCT_POINTER(0, 1, 0), 7), AS_STRUCT));
    CHECK(!fails(WORDS(ROOT, LIST_POINTER(0, 5, 1), 7), AS_LIST));
    CHECK(!fails(WORDS(ROOT, LIST_POINTER(0, 2, 3), 0x6968), AS_TEXT));
    CHECK(!fails(WORDS(ROOT, LIST_POINTER(0, 7, 2), STRUCT_POINTER(2, 1, 0), 1, 2), AS_LIST));
    CHECK(!fails(WORDS(ROOT, 0), AS_STRUCT));
    CHECK(!fails(WORDS(ROOT, STRUCT_POINTER(-1, 0, 0)), AS_STRUCT));
    CHECK(!fails(WORDS(ROOT, LIST_POINTER(0, 5, 0)), AS_LIST));

    CHECK(fails(WORDS(STRUCT_POINTER(0, 0, 2), 0), AS_STRUCT));
    CHECK(fails(WORDS(ROOT, STRUCT_POINTER(1, 1, 0), 7), AS_STRUCT));
    CHECK(fails(WORDS(ROOT, STRUCT_POINTER(-3, 1, 0), 7), AS_STRUCT));
    CHECK(fails(WORDS(ROOT, STRUCT_POINTER(0x1fffffff, 1, 0), 7), AS_STRUCT));
    CHECK(fails(WORDS(ROOT, STRUCT_POINTER(-0x20000000, 1, 0), 7), AS_STRUCT));
    CHECK(fails(WORDS(ROOT, STRUCT_POINTER(0, 0xffff, 0xffff), 7), AS_STRUCT));
    CHECK(fails(WORDS(ROOT, LIST_POINTER(0, 5, 2), 7), AS_LIST));
    CHECK(fails(WORDS(ROOT, LIST_POINTER(0, 2, 9), 7), AS_LIST));
    CHECK(fails(WORDS(ROOT, LIST_POINTER(0, 6, 0x1fffffff), 7), AS_LIST));
    CHECK(fails(WORDS(ROOT, LIST_POINTER(0, 1, 65), 7), AS_LIST));
    CHECK(fails(WORDS(ROOT, LIST_POINTER(0, 7, 0)), AS_LIST));
    CHECK(fails(WORDS(ROOT, LIST_POINTER(0, 7, 2), STRUCT_POINTER(2, 1, 0), 1), AS_LIST));
}

TEST(pointers_are_of_their_kind) {
    CHECK(fails(WORDS(LIST_POINTER(0, 5, 1), 0), AS_STRUCT));
    CHECK(fails(WORDS(ROOT, LIST_POINTER(0, 5, 1), 7), AS_STRUCT));
    CHECK(fails(WORDS(ROOT, STRUCT_POINTER(0, 1, 0), 7), AS_LIST));
    CHECK(fails(WORDS(ROOT, CAPABILITY_POINTER, 7), AS_STRUCT));
    CHECK(fails(WORDS(ROOT, CAPABILITY_POINTER, 7), AS_LIST));
    CHECK(fails(WORDS(ROOT, LIST_POINTER(0, 3, 1), 7), AS_DATA));
    CHECK(!fails(WORDS(ROOT, LIST_POINTER(0, 2, 0)), AS_DATA));
    CHECK(fails(WORDS(ROOT, LIST_POINTER(0, 2, 0)), AS_TEXT));
    CHECK(fails(WORDS(ROOT, LIST_POINTER(0, 2, 2), 0x6968), AS_TEXT));
    /* The tag of a list of structs: its kind, and more elements than words. */
    CHECK(fails(WORDS(ROOT, LIST_POINTER(0, 7, 1), LIST_POINTER(1, 1, 0), 1), AS_LIST));
    CHECK(fails(WORDS(ROOT, LIST_POINTER(0, 7, 1), STRUCT_POINTER(2, 1, 0), 1), AS_LIST));
    CHECK(fails(WORDS(ROOT, LIST_POINTER(0, 7, 1), STRUCT_POINTER(-1, 1, 0), 1), AS_LIST));
    /* One segment has no far pointers. */
    CHECK(fails(WORDS(ROOT, FAR_POINTER(0, 2), STRUCT_POINTER(0, 1, 0), 1), AS_STRUCT));
}

TEST(elements_are_of_their_size) {
    struct wire_message message;
    const uint64_t words[] = {ROOT, LIST_POINTER(0, 3, 3), UINT64_C(0x000300020001), 0};
    CHECK(wire_open_segment(&message, words, 4, 100));
    struct wire_list list = wire_get_list(wire_root(&message), 0);
    CHECK_EQUAL(wire_list_u16(list, 2), 3);
    CHECK_EQUAL(wire_get_u16(wire_list_struct(list, 1), 0), 2);
    CHECK(!message.failed);
    CHECK_EQUAL(wire_list_u16(list, 3), 0);
    CHECK(message.failed);
    message.failed = false;
    CHECK_EQUAL(wire_list_u64(list, 0), 0);
    CHECK(message.failed);
    message.failed = false;
    CHECK(wire_list_text(list, 0).data == NULL && message.failed);

    const uint64_t bits[] = {ROOT, LIST_POINTER(0, 1, 3), 5};
    CHECK(wire_open_segment(&message, bits, 3, 100));
    CHECK(wire_list_struct(wire_get_list(wire_root(&message), 0), 0).message == NULL);
    CHECK(message.failed);
}

/* A struct that contains itself. */
TEST(depth_is_limited) {
    struct wire_message message;
    const uint64_t words[] = {ROOT, STRUCT_POINTER(-1, 0, 1)};
    CHECK(wire_open_segment(&message, words, 2, UINT64_MAX));
    struct wire_struct s = wire_root(&message);
    uint32_t depth = 1;
    while (!message.failed && depth < 1000) {
        s = wire_get_struct(s, 0);
        depth += !message.failed;
    }
    CHECK_EQUAL(depth, WIRE_DEPTH_MAX);
}

/* A list whose pointers all lead back to it: 16 words that look like 16^64. */
TEST(traversal_is_limited) {
    struct wire_message message;
    uint64_t words[18] = {ROOT, LIST_POINTER(0, 6, 16)};
    for (uint32_t i = 0; i < 16; i++) {
        words[2 + i] = LIST_POINTER(-1 - (int32_t)i, 6, 16);
    }
    CHECK(wire_open_segment(&message, words, 18, 1000));
    struct wire_list list = wire_get_list(wire_root(&message), 0);
    uint32_t visits = 0;
    while (!message.failed && visits < 1000) {
        wire_list_list(list, visits % 16);
        visits++;
    }
    CHECK(visits > 50 && visits < 70);
    CHECK_EQUAL(message.traversal_words_left, 0);
}

/* Lists without content: their count costs nothing to claim, so it is paid for in full. */
TEST(empty_elements_are_not_free) {
    CHECK(fails(WORDS(ROOT, LIST_POINTER(0, 0, 0x1fffffff)), AS_LIST));
    CHECK(!fails(WORDS(ROOT, LIST_POINTER(0, 0, 50)), AS_LIST));
    /* And an empty struct costs a word, or reading one for ever would be free. */
    struct wire_message message;
    const uint64_t words[] = {ROOT, STRUCT_POINTER(-1, 0, 0)};
    CHECK(wire_open_segment(&message, words, 2, 100));
    struct wire_struct root = wire_root(&message);
    for (uint32_t i = 0; i < 99; i++) {
        wire_get_struct(root, 0);
    }
    CHECK(!message.failed);
    wire_get_struct(root, 0);
    CHECK(message.failed);
    CHECK(fails(WORDS(ROOT, LIST_POINTER(0, 7, 0), STRUCT_POINTER(0x3fffffff, 0, 0)), AS_LIST));
    CHECK(!fails(WORDS(ROOT, LIST_POINTER(0, 7, 0), STRUCT_POINTER(50, 0, 0)), AS_LIST));
}

/* Three segments: `first`, `second`, and one whose only word is 42. */
static bool far_holds(uint64_t far, uint64_t pad, uint64_t tag) {
    struct wire_message message;
    const uint64_t words[] = {
        2 | UINT64_C(2) << 32, 2 | UINT64_C(1) << 32, ROOT, far, pad, tag, 42};
    uint64_t *exact = copy_exactly(words, sizeof words);
    CHECK(wire_open_framed(&message, exact, sizeof words, 100));
    CHECK_EQUAL(message.segment_count, 3);
    uint64_t value = wire_get_u64(wire_get_struct(wire_root(&message), 0), 0);
    free(exact);
    CHECK(message.failed || value == 42);
    return !message.failed;
}

TEST(far_pointers) {
    uint64_t tag = STRUCT_POINTER(0, 1, 0);
    CHECK(far_holds(DOUBLE_FAR_POINTER(1, 0), FAR_POINTER(2, 0), tag));
    CHECK(far_holds(FAR_POINTER(1, 0), tag, 42));
    CHECK(!far_holds(FAR_POINTER(3, 0), tag, 42));
    CHECK(!far_holds(FAR_POINTER(UINT32_MAX, 0), tag, 42));
    CHECK(!far_holds(FAR_POINTER(1, 2), tag, 42));
    CHECK(!far_holds(FAR_POINTER(1, 0x1fffffff), tag, 42));
    CHECK(!far_holds(FAR_POINTER(1, 0), FAR_POINTER(2, 0), tag));
    CHECK(!far_holds(FAR_POINTER(1, 0), STRUCT_POINTER(1, 1, 0), 42));
    CHECK(!far_holds(DOUBLE_FAR_POINTER(1, 1), FAR_POINTER(2, 0), tag));
    CHECK(!far_holds(DOUBLE_FAR_POINTER(1, 0), DOUBLE_FAR_POINTER(2, 0), tag));
    CHECK(!far_holds(DOUBLE_FAR_POINTER(1, 0), FAR_POINTER(3, 0), tag));
    CHECK(!far_holds(DOUBLE_FAR_POINTER(1, 0), FAR_POINTER(2, 1), tag));
    CHECK(!far_holds(DOUBLE_FAR_POINTER(1, 0), FAR_POINTER(UINT32_MAX, 0), tag));
    /* A landing pad of two words whose second one lies beyond the last segment. */
    CHECK(!far_holds(DOUBLE_FAR_POINTER(2, 0), FAR_POINTER(2, 0), tag));
    CHECK(!far_holds(DOUBLE_FAR_POINTER(1, 0), tag, tag));
    CHECK(!far_holds(DOUBLE_FAR_POINTER(1, 0), FAR_POINTER(2, 0), LIST_POINTER(0, 5, 1)));
}

static bool opens(const uint64_t *words, size_t size) {
    struct wire_message message;
    uint64_t *exact = copy_exactly(words, size);
    bool holds = wire_open_framed(&message, exact, size, 100);
    free(exact);
    return holds;
}

TEST(segment_table_is_checked) {
    const uint64_t good[] = {UINT64_C(1) << 32, 0};
    CHECK(opens(good, 16));
    CHECK(!opens(good, 0));
    CHECK(!opens(good, 4));
    CHECK(!opens(good, 8));
    CHECK(!opens(good, 15));
    CHECK(!opens((const uint64_t[]){UINT64_C(1) << 32, 0, 0}, 24));
    CHECK(!opens((const uint64_t[]){0, 0}, 8));
    CHECK(!opens((const uint64_t[]){UINT64_MAX, 0}, 16));
    CHECK(!opens((const uint64_t[]){UINT64_C(0xffffffff) << 32, 0}, 16));
    CHECK(!opens((const uint64_t[]){1 | UINT64_C(0xffffffff) << 32, 2, 0}, 24));
    /* As many segments as can be, and one more; all but the first are empty. */
    uint64_t many[10] = {(WIRE_SEGMENTS_MAX - 1) | UINT64_C(1) << 32};
    CHECK(opens(many, 10 * sizeof(uint64_t)));
    many[0] += 1;
    CHECK(!opens(many, 10 * sizeof(uint64_t)));
    many[0] -= 1;
    many[9] = FAR_POINTER(WIRE_SEGMENTS_MAX, 0);
    struct wire_message message;
    CHECK(wire_open_framed(&message, many, sizeof many, 100));
    CHECK(wire_root(&message).message == NULL && message.failed);
    CHECK(!wire_open_segment(&message, good, 0, 100));
    CHECK(message.failed);
}
