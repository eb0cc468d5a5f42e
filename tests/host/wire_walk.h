#pragma once
/*
 * Reads everything that can be reached in a message, each pointer as everything that it could be,
 * and touches every byte that the reader hands out: what is out of bounds shows up as a report of
 * the address sanitizer. The work is bounded by *steps_left.
 */
#include "core/wire.h"

static inline uint64_t wire_walk_bytes(const void *bytes, size_t size) {
    const uint8_t *data = bytes;
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i++) {
        sum = sum * 31 + data[i];
    }
    return sum;
}

static inline uint64_t wire_walk_struct(struct wire_struct s, uint32_t *steps_left);

static inline uint64_t wire_walk_list(struct wire_list list, uint32_t *steps_left) {
    uint64_t sum = list.count;
    for (uint32_t i = 0; i < list.count && *steps_left > 0; i++) {
        sum += wire_list_u8(list, i) + wire_list_u16(list, i) + wire_list_u32(list, i) +
               wire_list_u64(list, i);
        struct wire_text text = wire_list_text(list, i);
        sum += wire_walk_bytes(text.data, text.length);
        sum += wire_walk_struct(wire_list_struct(list, i), steps_left);
        if (*steps_left > 0) {
            sum += wire_walk_list(wire_list_list(list, i), steps_left);
        }
    }
    return sum;
}

static inline uint64_t wire_walk_struct(struct wire_struct s, uint32_t *steps_left) {
    uint64_t sum = wire_walk_bytes(s.data, s.data_bytes);
    for (uint32_t i = 0; i <= s.data_bytes / 8; i++) {
        sum += wire_get_u64(s, i) + wire_get_u32(s, i) + wire_get_u16(s, i) + wire_get_u8(s, i) +
               wire_get_bool(s, i);
    }
    for (uint32_t i = 0; i <= s.pointer_count && *steps_left > 0; i++) {
        uint16_t index = (uint16_t)i;
        *steps_left -= 1;
        struct wire_text text = wire_get_text(s, index);
        struct wire_data data = wire_get_data(s, index);
        sum += wire_has_pointer(s, index) + wire_walk_bytes(text.data, text.length) +
               wire_walk_bytes(data.data, data.length);
        sum += wire_walk_struct(wire_get_struct(s, index), steps_left);
        sum += wire_walk_list(wire_get_list(s, index), steps_left);
    }
    return sum;
}
