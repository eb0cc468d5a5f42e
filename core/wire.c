/*
 * The reader. One function, follow_pointer, turns a pointer word into a checked place; everything
 * else goes through it. Positions are word indices in 64-bit arithmetic, so that no sum can wrap: a
 * segment has less than 2^32 words, an offset is 30 bits and a size at most 2^29 * 8 words.
 */
#include "core/wire.h"

#include "core/assert.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are used as they stand");

#define WORD_BYTES 8u

/* The two low bits of a pointer word (https://capnproto.org/encoding.html). */
enum { POINTER_STRUCT = 0, POINTER_LIST = 1, POINTER_FAR = 2, POINTER_OTHER = 3 };

enum {
    ELEMENT_VOID = 0,
    ELEMENT_BIT = 1,
    ELEMENT_BYTE = 2,
    ELEMENT_EIGHT_BYTES = 5,
    ELEMENT_POINTER = 6,
    ELEMENT_STRUCT = 7,
};

/* Where a pointer leads: `tag` says what is there, `start` is its first word. */
struct wire_target {
    uint64_t tag;
    int64_t start;
    uint32_t segment;
};

static bool fail(struct wire_message *message) {
    message->failed = true;
    return false;
}

static uint32_t pointer_kind(uint64_t pointer) {
    return (uint32_t)pointer & 3;
}

/* Distance in words from the end of the pointer to its target, of struct and list pointers. */
static int64_t pointer_offset(uint64_t pointer) {
    return (int32_t)(uint32_t)pointer >> 2;
}

static uint32_t struct_data_words(uint64_t pointer) {
    return (uint32_t)(pointer >> 32) & 0xffff;
}

static uint32_t struct_pointer_count(uint64_t pointer) {
    return (uint32_t)(pointer >> 48);
}

static uint32_t list_element_size(uint64_t pointer) {
    return (uint32_t)(pointer >> 32) & 7;
}

static uint32_t list_count(uint64_t pointer) {
    return (uint32_t)(pointer >> 35);
}

static bool check_bounds(struct wire_message *message, uint32_t segment, int64_t start,
                         uint64_t words) {
    return (start >= 0 && (uint64_t)start + words <= message->segment_words[segment]) ||
           fail(message);
}

/* Pays for reading: a message whose pointers share their targets could otherwise keep a reader busy
 * for a time exponential in its size. Nothing is free, or a loop of empty things would be. */
static bool charge(struct wire_message *message, uint64_t words) {
    if (words == 0) {
        words = 1;
    }
    if (words > message->traversal_words_left) {
        message->traversal_words_left = 0;
        return fail(message);
    }
    message->traversal_words_left -= words;
    return true;
}

/* A far pointer names a landing pad in another segment: a pointer beside its target or, when bit 2
 * is set, a far pointer to the target and then a tag that describes it. */
static bool follow_far(struct wire_message *message, uint64_t pointer, struct wire_target *target) {
    bool is_double = (pointer & 4) != 0;
    uint32_t segment = (uint32_t)(pointer >> 32);
    int64_t pad = (uint32_t)pointer >> 3;
    uint64_t pad_words = is_double ? 2 : 1;
    if (message->segment_count < 2 || segment >= message->segment_count ||
        !check_bounds(message, segment, pad, pad_words) || !charge(message, pad_words)) {
        return fail(message);
    }
    const uint64_t *words = message->segments[segment] + pad;
    if (!is_double) {
        *target = (struct wire_target){words[0], pad + 1 + pointer_offset(words[0]), segment};
        return true;
    }
    uint32_t target_segment = (uint32_t)(words[0] >> 32);
    if (pointer_kind(words[0]) != POINTER_FAR || (words[0] & 4) != 0 ||
        target_segment >= message->segment_count) {
        return fail(message);
    }
    *target = (struct wire_target){words[1], (uint32_t)words[0] >> 3, target_segment};
    return true;
}

/* Resolves the pointer word at `at`, which must be of the given kind; false for a null pointer too,
 * which is no failure. What lies at the target is still to be checked. */
static bool follow_pointer(struct wire_message *message, uint32_t segment, const uint64_t *at,
                           uint32_t kind, uint32_t depth_left, struct wire_target *target) {
    if (at == NULL || *at == 0) {
        return false;
    }
    ASSERT(segment < message->segment_count);
    ASSERT(at >= message->segments[segment] &&
           at < message->segments[segment] + message->segment_words[segment]);
    if (depth_left == 0) {
        return fail(message);
    }
    if (pointer_kind(*at) == POINTER_FAR) {
        if (!follow_far(message, *at, target)) {
            return false;
        }
    } else {
        int64_t index = at - message->segments[segment];
        *target = (struct wire_target){*at, index + 1 + pointer_offset(*at), segment};
    }
    return pointer_kind(target->tag) == kind || fail(message);
}

static const uint64_t *pointer_at(struct wire_struct s, uint16_t index) {
    if (s.message == NULL || index >= s.pointer_count) {
        return NULL;
    }
    return s.pointers + index;
}

static struct wire_struct read_struct(struct wire_message *message, uint32_t segment,
                                      const uint64_t *at, uint32_t depth_left) {
    struct wire_target target;
    if (!follow_pointer(message, segment, at, POINTER_STRUCT, depth_left, &target)) {
        return (struct wire_struct){0};
    }
    uint32_t data_words = struct_data_words(target.tag);
    uint32_t pointer_count = struct_pointer_count(target.tag);
    uint64_t words = (uint64_t)data_words + pointer_count;
    if (!check_bounds(message, target.segment, target.start, words) || !charge(message, words)) {
        return (struct wire_struct){0};
    }
    const uint64_t *start = message->segments[target.segment] + target.start;
    return (struct wire_struct){
        .message = message,
        .data = (const uint8_t *)start,
        .pointers = start + data_words,
        .data_bytes = data_words * WORD_BYTES,
        .pointer_count = (uint16_t)pointer_count,
        .segment = (uint16_t)target.segment,
        .depth_left = depth_left - 1,
    };
}

/* A list of structs: a tag word with their number and their shape stands before the first one. */
static bool read_struct_list(struct wire_message *message, const struct wire_target *target,
                             struct wire_list *list) {
    uint64_t words = list_count(target->tag);
    if (!check_bounds(message, target->segment, target->start, words + 1)) {
        return false;
    }
    const uint64_t *start = message->segments[target->segment] + target->start;
    uint32_t count = (uint32_t)*start >> 2;
    uint32_t data_words = struct_data_words(*start);
    uint32_t pointer_count = struct_pointer_count(*start);
    uint64_t step_words = (uint64_t)data_words + pointer_count;
    if (pointer_kind(*start) != POINTER_STRUCT || count * step_words > words) {
        return fail(message);
    }
    list->elements = (const uint8_t *)(start + 1);
    list->count = count;
    list->step_bytes = (uint32_t)step_words * WORD_BYTES;
    list->struct_data_bytes = data_words * WORD_BYTES;
    list->struct_pointer_count = (uint16_t)pointer_count;
    /* Elements without size cost a word each: their number is a claim that no bytes back. */
    return charge(message, step_words == 0 ? (uint64_t)count + 1 : words + 1);
}

/* A list of anything else: bits, 1 to 8 bytes, pointers. */
static bool read_flat_list(struct wire_message *message, const struct wire_target *target,
                           struct wire_list *list) {
    static const uint8_t bits[] = {0, 1, 8, 16, 32, 64, 64};
    uint32_t count = list_count(target->tag);
    uint64_t words = ((uint64_t)count * bits[list->element_size] + 63) / 64;
    if (!check_bounds(message, target->segment, target->start, words)) {
        return false;
    }
    list->elements = (const uint8_t *)(message->segments[target->segment] + target->start);
    list->count = count;
    list->step_bytes = bits[list->element_size] / 8;
    list->struct_data_bytes = list->element_size == ELEMENT_POINTER ? 0 : list->step_bytes;
    list->struct_pointer_count = list->element_size == ELEMENT_POINTER ? 1 : 0;
    return charge(message, list->element_size == ELEMENT_VOID ? count : words);
}

static struct wire_list read_list(struct wire_message *message, uint32_t segment,
                                  const uint64_t *at, uint32_t depth_left) {
    struct wire_target target;
    if (!follow_pointer(message, segment, at, POINTER_LIST, depth_left, &target)) {
        return (struct wire_list){0};
    }
    struct wire_list list = {
        .message = message,
        .element_size = list_element_size(target.tag),
        .segment = (uint16_t)target.segment,
        .depth_left = depth_left - 1,
    };
    bool holds = list.element_size == ELEMENT_STRUCT ? read_struct_list(message, &target, &list)
                                                     : read_flat_list(message, &target, &list);
    return holds ? list : (struct wire_list){0};
}

static struct wire_data read_bytes(struct wire_message *message, uint32_t segment,
                                   const uint64_t *at, uint32_t depth_left) {
    struct wire_list list = read_list(message, segment, at, depth_left);
    if (list.message == NULL) {
        return (struct wire_data){0};
    }
    if (list.element_size != ELEMENT_BYTE) {
        fail(message);
        return (struct wire_data){0};
    }
    return (struct wire_data){list.elements, list.count};
}

/* Text is a list of bytes whose last one is 0. */
static struct wire_text read_text(struct wire_message *message, uint32_t segment,
                                  const uint64_t *at, uint32_t depth_left) {
    struct wire_data bytes = read_bytes(message, segment, at, depth_left);
    if (bytes.data == NULL) {
        return (struct wire_text){0};
    }
    if (bytes.length == 0 || bytes.data[bytes.length - 1] != 0) {
        fail(message);
        return (struct wire_text){0};
    }
    return (struct wire_text){(const char *)bytes.data, bytes.length - 1};
}

bool wire_open_segment(struct wire_message *message, const uint64_t *words, uint32_t count,
                       uint64_t traversal_words_max) {
    *message = (struct wire_message){
        .segments = {words},
        .segment_words = {count},
        .segment_count = 1,
        .traversal_words_left = traversal_words_max,
    };
    return count > 0 || fail(message);
}

bool wire_open_framed(struct wire_message *message, const void *bytes, size_t size,
                      uint64_t traversal_words_max) {
    ASSERT((uintptr_t)bytes % WORD_BYTES == 0);
    *message = (struct wire_message){.traversal_words_left = traversal_words_max};
    /* The table: number of segments less one, the words of each, padded to a whole word. */
    const uint32_t *table = bytes;
    if (size < WORD_BYTES || table[0] >= WIRE_SEGMENTS_MAX) {
        return fail(message);
    }
    uint32_t count = table[0] + 1;
    uint64_t position = (uint64_t)count / 2 + 1;
    uint64_t total = size / WORD_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        if (position > total || table[1 + i] > total - position) {
            return fail(message);
        }
        message->segments[i] = (const uint64_t *)bytes + position;
        message->segment_words[i] = table[1 + i];
        position += table[1 + i];
    }
    message->segment_count = count;
    return (message->segment_words[0] > 0 && position * WORD_BYTES == size) || fail(message);
}

struct wire_struct wire_root(struct wire_message *message) {
    if (message->segment_count == 0 || message->segment_words[0] == 0) {
        fail(message);
        return (struct wire_struct){0};
    }
    return read_struct(message, 0, message->segments[0], WIRE_DEPTH_MAX);
}

/* The field of `size` bytes at `offset`, zero-extended; 0 beyond the data section. */
static uint64_t get_field(struct wire_struct s, uint32_t offset, uint32_t size) {
    uint64_t value = 0;
    if (((uint64_t)offset + 1) * size <= s.data_bytes) {
        __builtin_memcpy(&value, s.data + (size_t)offset * size, size);
    }
    return value;
}

bool wire_get_bool(struct wire_struct s, uint32_t offset) {
    return (get_field(s, offset / 8, 1) >> (offset % 8) & 1) != 0;
}

uint8_t wire_get_u8(struct wire_struct s, uint32_t offset) {
    return (uint8_t)get_field(s, offset, 1);
}

uint16_t wire_get_u16(struct wire_struct s, uint32_t offset) {
    return (uint16_t)get_field(s, offset, 2);
}

uint32_t wire_get_u32(struct wire_struct s, uint32_t offset) {
    return (uint32_t)get_field(s, offset, 4);
}

uint64_t wire_get_u64(struct wire_struct s, uint32_t offset) {
    return get_field(s, offset, 8);
}

bool wire_has_pointer(struct wire_struct s, uint16_t index) {
    const uint64_t *at = pointer_at(s, index);
    return at != NULL && *at != 0;
}

struct wire_struct wire_get_struct(struct wire_struct s, uint16_t index) {
    return read_struct(s.message, s.segment, pointer_at(s, index), s.depth_left);
}

struct wire_list wire_get_list(struct wire_struct s, uint16_t index) {
    return read_list(s.message, s.segment, pointer_at(s, index), s.depth_left);
}

struct wire_text wire_get_text(struct wire_struct s, uint16_t index) {
    return read_text(s.message, s.segment, pointer_at(s, index), s.depth_left);
}

struct wire_data wire_get_data(struct wire_struct s, uint16_t index) {
    return read_bytes(s.message, s.segment, pointer_at(s, index), s.depth_left);
}

/* The element at index, or NULL with the message failed. */
static const uint8_t *list_element(struct wire_list list, uint32_t index) {
    if (index < list.count) {
        return list.elements + (size_t)index * list.step_bytes;
    }
    if (list.message != NULL) {
        fail(list.message);
    }
    return NULL;
}

/* Any list but one of bits may be read as structs: that is how a List(UInt64) becomes a list of
 * structs in a later version of a schema. */
struct wire_struct wire_list_struct(struct wire_list list, uint32_t index) {
    const uint8_t *element = list_element(list, index);
    if (element == NULL) {
        return (struct wire_struct){0};
    }
    if (list.element_size == ELEMENT_BIT) {
        fail(list.message);
        return (struct wire_struct){0};
    }
    return (struct wire_struct){
        .message = list.message,
        .data = element,
        .pointers = (const uint64_t *)(const void *)(element + list.struct_data_bytes),
        .data_bytes = list.struct_data_bytes,
        .pointer_count = list.struct_pointer_count,
        .segment = list.segment,
        .depth_left = list.depth_left,
    };
}

/* The element as a struct whose first pointer it is, or begins with. */
static struct wire_struct pointer_element(struct wire_list list, uint32_t index) {
    struct wire_struct element = wire_list_struct(list, index);
    if (element.message != NULL && element.pointer_count == 0) {
        fail(list.message);
    }
    return element;
}

struct wire_text wire_list_text(struct wire_list list, uint32_t index) {
    return wire_get_text(pointer_element(list, index), 0);
}

struct wire_list wire_list_list(struct wire_list list, uint32_t index) {
    return wire_get_list(pointer_element(list, index), 0);
}

static uint64_t list_number(struct wire_list list, uint32_t index, uint32_t size) {
    const uint8_t *element = list_element(list, index);
    uint64_t value = 0;
    if (element == NULL) {
        return 0;
    }
    if (list.step_bytes != size || list.element_size < ELEMENT_BYTE ||
        list.element_size > ELEMENT_EIGHT_BYTES) {
        fail(list.message);
        return 0;
    }
    __builtin_memcpy(&value, element, size);
    return value;
}

uint8_t wire_list_u8(struct wire_list list, uint32_t index) {
    return (uint8_t)list_number(list, index, 1);
}

uint16_t wire_list_u16(struct wire_list list, uint32_t index) {
    return (uint16_t)list_number(list, index, 2);
}

uint32_t wire_list_u32(struct wire_list list, uint32_t index) {
    return (uint32_t)list_number(list, index, 4);
}

uint64_t wire_list_u64(struct wire_list list, uint32_t index) {
    return list_number(list, index, 8);
}
