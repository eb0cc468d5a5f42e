/*
 * The builder of core/wire.h: objects follow each other in the order in which they are made, so a
 * pointer always leads forward and never needs a far pointer.
 */
#include "core/assert.h"
#include "core/wire.h"

#define WORD_BYTES 8u

/* Counts in list pointers have 29 bits; offsets are 30 bits with a sign. */
#define COUNT_MAX ((UINT32_C(1) << 29) - 1)

enum { ELEMENT_BYTE = 2, ELEMENT_EIGHT_BYTES = 5, ELEMENT_POINTER = 6, ELEMENT_STRUCT = 7 };

/* An offset of -1 marks the empty struct: a word of zeros would be the null pointer. */
#define EMPTY_STRUCT_POINTER UINT64_C(0xfffffffc)

static uint64_t struct_shape(uint16_t data_words, uint16_t pointer_count) {
    return (uint64_t)data_words << 32 | (uint64_t)pointer_count << 48;
}

static uint64_t list_pointer(uint64_t offset, uint32_t element_size, uint32_t count) {
    return offset << 2 | 1 | (uint64_t)element_size << 32 | (uint64_t)count << 35;
}

/* Takes cleared words; false and failed when there are not so many left. */
static bool allocate(struct wire_builder *builder, uint64_t words, uint32_t *first_word) {
    if (builder->failed || words > builder->capacity - builder->used) {
        builder->failed = true;
        return false;
    }
    *first_word = builder->used;
    builder->used += (uint32_t)words;
    __builtin_memset(builder->words + *first_word, 0, (size_t)words * WORD_BYTES);
    return true;
}

static uint64_t offset_between(uint32_t pointer_word, uint32_t target_word) {
    ASSERT(target_word > pointer_word);
    return target_word - pointer_word - 1;
}

void wire_builder_init(struct wire_builder *builder, uint64_t *words, uint32_t capacity) {
    ASSERT(words != NULL || capacity == 0);
    *builder = (struct wire_builder){
        .words = words,
        .capacity = capacity < COUNT_MAX ? capacity : COUNT_MAX,
    };
}

static struct wire_builder_struct build_struct(struct wire_builder *builder, uint32_t pointer_word,
                                               uint16_t data_words, uint16_t pointer_count) {
    uint32_t first;
    struct wire_builder_struct s = {.builder = builder};
    if (!allocate(builder, (uint64_t)data_words + pointer_count, &first)) {
        return s;
    }
    if (data_words == 0 && pointer_count == 0) {
        builder->words[pointer_word] = EMPTY_STRUCT_POINTER;
        return s;
    }
    builder->words[pointer_word] =
        offset_between(pointer_word, first) << 2 | struct_shape(data_words, pointer_count);
    s.data_word = first;
    s.pointer_word = first + data_words;
    s.data_words = data_words;
    s.pointer_count = pointer_count;
    return s;
}

struct wire_builder_struct wire_build_root(struct wire_builder *builder, uint16_t data_words,
                                           uint16_t pointer_count) {
    ASSERT(builder->used == 0);
    uint32_t root;
    if (!allocate(builder, 1, &root)) {
        return (struct wire_builder_struct){.builder = builder};
    }
    return build_struct(builder, root, data_words, pointer_count);
}

static void set_field(struct wire_builder_struct s, uint32_t offset, const void *value,
                      uint32_t size) {
    if (s.builder->failed) {
        return;
    }
    ASSERT(((uint64_t)offset + 1) * size <= (uint64_t)s.data_words * WORD_BYTES);
    uint8_t *data = (uint8_t *)(s.builder->words + s.data_word);
    __builtin_memcpy(data + (size_t)offset * size, value, size);
}

void wire_set_bool(struct wire_builder_struct s, uint32_t offset, bool value) {
    if (s.builder->failed) {
        return;
    }
    ASSERT(offset < (uint64_t)s.data_words * 64);
    uint64_t bit = UINT64_C(1) << offset % 64;
    uint64_t *word = s.builder->words + s.data_word + offset / 64;
    *word = value ? *word | bit : *word & ~bit;
}

void wire_set_u16(struct wire_builder_struct s, uint32_t offset, uint16_t value) {
    set_field(s, offset, &value, sizeof(value));
}

void wire_set_u32(struct wire_builder_struct s, uint32_t offset, uint32_t value) {
    set_field(s, offset, &value, sizeof(value));
}

void wire_set_u64(struct wire_builder_struct s, uint32_t offset, uint64_t value) {
    set_field(s, offset, &value, sizeof(value));
}

/* The pointer word of a field; false when the builder has failed. */
static bool field_pointer(struct wire_builder_struct s, uint16_t index, uint32_t *word) {
    if (s.builder->failed) {
        return false;
    }
    ASSERT(index < s.pointer_count);
    *word = s.pointer_word + index;
    return true;
}

/* A list of bytes: length of them, and `extra` zeros after them. */
static void build_bytes(struct wire_builder *builder, uint32_t pointer_word, const void *data,
                        size_t length, uint32_t extra) {
    uint32_t first;
    if (length > COUNT_MAX - extra) {
        builder->failed = true;
        return;
    }
    uint32_t count = (uint32_t)length + extra;
    if (!allocate(builder, ((uint64_t)count + WORD_BYTES - 1) / WORD_BYTES, &first)) {
        return;
    }
    builder->words[pointer_word] =
        list_pointer(offset_between(pointer_word, first), ELEMENT_BYTE, count);
    if (length > 0) {
        __builtin_memcpy(builder->words + first, data, length);
    }
}

void wire_set_text(struct wire_builder_struct s, uint16_t index, const char *text, size_t length) {
    uint32_t word;
    if (field_pointer(s, index, &word)) {
        build_bytes(s.builder, word, text, length, 1);
    }
}

void wire_set_data(struct wire_builder_struct s, uint16_t index, const void *data, size_t length) {
    uint32_t word;
    if (field_pointer(s, index, &word)) {
        build_bytes(s.builder, word, data, length, 0);
    }
}

struct wire_builder_struct wire_set_struct(struct wire_builder_struct s, uint16_t index,
                                           uint16_t data_words, uint16_t pointer_count) {
    uint32_t word;
    if (!field_pointer(s, index, &word)) {
        return (struct wire_builder_struct){.builder = s.builder};
    }
    return build_struct(s.builder, word, data_words, pointer_count);
}

struct wire_builder_list wire_set_struct_list(struct wire_builder_struct s, uint16_t index,
                                              uint32_t count, uint16_t data_words,
                                              uint16_t pointer_count) {
    struct wire_builder_list list = {.builder = s.builder, .element_size = ELEMENT_STRUCT};
    uint32_t step_words = (uint32_t)data_words + pointer_count;
    uint64_t words = (uint64_t)count * step_words;
    uint32_t word;
    uint32_t first;
    if (!field_pointer(s, index, &word)) {
        return list;
    }
    if (count > COUNT_MAX) {
        s.builder->failed = true;
        return list;
    }
    if (!allocate(s.builder, words + 1, &first)) {
        return list;
    }
    s.builder->words[word] =
        list_pointer(offset_between(word, first), ELEMENT_STRUCT, (uint32_t)words);
    s.builder->words[first] = (uint64_t)count << 2 | struct_shape(data_words, pointer_count);
    list.first_word = first + 1;
    list.count = count;
    list.step_words = step_words;
    list.data_words = data_words;
    list.pointer_count = pointer_count;
    return list;
}

/* A list whose elements are one word each. */
static struct wire_builder_list build_word_list(struct wire_builder_struct s, uint16_t index,
                                                uint32_t count, uint32_t element_size) {
    struct wire_builder_list list = {.builder = s.builder, .element_size = element_size};
    uint32_t word;
    uint32_t first;
    if (!field_pointer(s, index, &word) || !allocate(s.builder, count, &first)) {
        return list;
    }
    s.builder->words[word] = list_pointer(offset_between(word, first), element_size, count);
    list.first_word = first;
    list.count = count;
    list.step_words = 1;
    return list;
}

struct wire_builder_list wire_set_pointer_list(struct wire_builder_struct s, uint16_t index,
                                               uint32_t count) {
    return build_word_list(s, index, count, ELEMENT_POINTER);
}

struct wire_builder_list wire_set_u64_list(struct wire_builder_struct s, uint16_t index,
                                           uint32_t count) {
    return build_word_list(s, index, count, ELEMENT_EIGHT_BYTES);
}

struct wire_builder_struct wire_builder_list_struct(struct wire_builder_list list, uint32_t index) {
    if (list.builder->failed) {
        return (struct wire_builder_struct){.builder = list.builder};
    }
    ASSERT(list.element_size == ELEMENT_STRUCT && index < list.count);
    uint32_t first = list.first_word + index * list.step_words;
    return (struct wire_builder_struct){
        .builder = list.builder,
        .data_word = first,
        .pointer_word = first + list.data_words,
        .data_words = list.data_words,
        .pointer_count = list.pointer_count,
    };
}

void wire_builder_list_set_text(struct wire_builder_list list, uint32_t index, const char *text,
                                size_t length) {
    if (list.builder->failed) {
        return;
    }
    ASSERT(list.element_size == ELEMENT_POINTER && index < list.count);
    build_bytes(list.builder, list.first_word + index, text, length, 1);
}

void wire_builder_list_set_u64(struct wire_builder_list list, uint32_t index, uint64_t value) {
    if (list.builder->failed) {
        return;
    }
    ASSERT(list.element_size == ELEMENT_EIGHT_BYTES && index < list.count);
    list.builder->words[list.first_word + index] = value;
}

uint32_t wire_builder_finish(struct wire_builder *builder) {
    return builder->failed ? 0 : builder->used;
}
