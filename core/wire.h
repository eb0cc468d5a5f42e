#pragma once
/*
 * A reader and a builder of Cap'n Proto messages (https://capnproto.org/encoding.html), without
 * allocation. The reader is for hostile input: every pointer is checked against the bounds of its
 * segment, depth and total traversal are limited, and what does not hold reads as the default with
 * `failed` set in the message. Far pointers are followed only by the multi-segment reader.
 *
 * Rules
 * - The bytes must not change while they are read: copy them out of shared memory first.
 * - This header uses nothing but the standard freestanding headers: the code generator, which makes
 *   everything else, is built from it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_SEGMENTS_MAX 16u
#define WIRE_DEPTH_MAX 64u

struct wire_message {
    const uint64_t *segments[WIRE_SEGMENTS_MAX];
    uint32_t segment_words[WIRE_SEGMENTS_MAX];
    uint32_t segment_count;
    uint64_t traversal_words_left; /* a message that asks for more reading than this has failed */
    bool failed;
};

struct wire_struct {
    struct wire_message *message; /* NULL: a null pointer, reads as all defaults */
    const uint8_t *data;
    const uint64_t *pointers;
    uint32_t data_bytes;
    uint16_t pointer_count;
    uint16_t segment;
    uint32_t depth_left;
};

struct wire_list {
    struct wire_message *message;
    const uint8_t *elements;
    uint32_t count;
    uint32_t element_size; /* Cap'n Proto's code: 0 void, 1 bit, 2..5 1-8 bytes, 6 ptr, 7 struct */
    uint32_t step_bytes;   /* of one element; for structs their whole size */
    uint32_t struct_data_bytes;
    uint16_t struct_pointer_count;
    uint16_t segment;
    uint32_t depth_left;
};

struct wire_text { /* not terminated by the length; data is NULL when absent */
    const char *data;
    uint32_t length;
};

struct wire_data {
    const uint8_t *data;
    uint32_t length;
};

/* One segment without a table, root pointer first. False (and failed) when words is 0. */
bool wire_open_segment(struct wire_message *message, const uint64_t *words, uint32_t count,
                       uint64_t traversal_words_max);
/* A message with its segment table, as `capnp encode` writes it, and nothing behind it. bytes must
 * be 8-aligned. */
bool wire_open_framed(struct wire_message *message, const void *bytes, size_t size,
                      uint64_t traversal_words_max);

struct wire_struct wire_root(struct wire_message *message);

/* Fields: offset counted in units of the field's size, as in the schema; 0 beyond the data. */
bool wire_get_bool(struct wire_struct s, uint32_t offset);
uint8_t wire_get_u8(struct wire_struct s, uint32_t offset);
uint16_t wire_get_u16(struct wire_struct s, uint32_t offset);
uint32_t wire_get_u32(struct wire_struct s, uint32_t offset);
uint64_t wire_get_u64(struct wire_struct s, uint32_t offset);
bool wire_has_pointer(struct wire_struct s, uint16_t index);
struct wire_struct wire_get_struct(struct wire_struct s, uint16_t index);
struct wire_list wire_get_list(struct wire_struct s, uint16_t index);
struct wire_text wire_get_text(struct wire_struct s, uint16_t index);
struct wire_data wire_get_data(struct wire_struct s, uint16_t index);

/* Elements: index < count, else the default and failed. */
struct wire_struct wire_list_struct(struct wire_list list, uint32_t index);
struct wire_text wire_list_text(struct wire_list list, uint32_t index);
struct wire_list wire_list_list(struct wire_list list, uint32_t index);
uint8_t wire_list_u8(struct wire_list list, uint32_t index);
uint16_t wire_list_u16(struct wire_list list, uint32_t index);
uint32_t wire_list_u32(struct wire_list list, uint32_t index);
uint64_t wire_list_u64(struct wire_list list, uint32_t index);

/* A single-segment builder over the caller's words. Overflow sets failed and writes nothing more.
 */
struct wire_builder {
    uint64_t *words;
    uint32_t capacity, used;
    bool failed;
};

struct wire_builder_struct {
    struct wire_builder *builder;
    uint32_t data_word, pointer_word; /* index of the first data word and pointer word */
    uint16_t data_words, pointer_count;
};

struct wire_builder_list {
    struct wire_builder *builder;
    uint32_t first_word, count, step_words;
    uint16_t data_words, pointer_count;
    uint32_t element_size;
};

void wire_builder_init(struct wire_builder *builder, uint64_t *words, uint32_t capacity);
struct wire_builder_struct wire_build_root(struct wire_builder *builder, uint16_t data_words,
                                           uint16_t pointer_count);
void wire_set_bool(struct wire_builder_struct s, uint32_t offset, bool value);
void wire_set_u16(struct wire_builder_struct s, uint32_t offset, uint16_t value);
void wire_set_u32(struct wire_builder_struct s, uint32_t offset, uint32_t value);
void wire_set_u64(struct wire_builder_struct s, uint32_t offset, uint64_t value);
void wire_set_text(struct wire_builder_struct s, uint16_t index, const char *text, size_t length);
void wire_set_data(struct wire_builder_struct s, uint16_t index, const void *data, size_t length);
struct wire_builder_struct wire_set_struct(struct wire_builder_struct s, uint16_t index,
                                           uint16_t data_words, uint16_t pointer_count);
struct wire_builder_list wire_set_struct_list(struct wire_builder_struct s, uint16_t index,
                                              uint32_t count, uint16_t data_words,
                                              uint16_t pointer_count);
struct wire_builder_list wire_set_pointer_list(struct wire_builder_struct s, uint16_t index,
                                               uint32_t count);
struct wire_builder_list wire_set_u64_list(struct wire_builder_struct s, uint16_t index,
                                           uint32_t count);
struct wire_builder_struct wire_builder_list_struct(struct wire_builder_list list, uint32_t index);
void wire_builder_list_set_text(struct wire_builder_list list, uint32_t index, const char *text,
                                size_t length);
void wire_builder_list_set_u64(struct wire_builder_list list, uint32_t index, uint64_t value);

/* Words used so far, or 0 when the builder has failed. */
uint32_t wire_builder_finish(struct wire_builder *builder);
