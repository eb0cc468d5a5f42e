#pragma once
/*
 * The two buffers between a program's console and a device. Bytes are put in by one side and taken
 * out by the other where they stand: nothing is copied here.
 *
 * Rules
 * - The caller holds the lock that guards the buffer and provides its bytes.
 * - The size is a power of two, at most 1 GiB.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Output: a ring. The kernel commits bytes, the device is given them, and they are free when the
 * device has sent them. The three counters run freely: sent <= given <= committed <= sent + size.
 */
struct output_buffer {
    uint8_t *bytes;
    uint32_t size;
    uint32_t committed;
    uint32_t given;
    uint32_t sent;
};

void output_buffer_init(struct output_buffer *buffer, uint8_t *bytes, uint32_t size);
/* A contiguous span that may be written, and how much of it was. */
uint32_t output_buffer_reserve(const struct output_buffer *buffer, uint8_t **span_out);
void output_buffer_commit(struct output_buffer *buffer, uint32_t size);
/* A contiguous span of committed bytes that the device was not given yet, and how much it was. */
uint32_t output_buffer_pending(const struct output_buffer *buffer, uint8_t **span_out);
void output_buffer_give(struct output_buffer *buffer, uint32_t size);
/* The device has sent the oldest `size` bytes that it was given. */
void output_buffer_release(struct output_buffer *buffer, uint32_t size);
bool output_buffer_is_empty(const struct output_buffer *buffer);

/*
 * Input: segments of equal size, because a device fills each buffer that it is given with as much
 * as it has, and leaves the rest. A segment is free, given to the device, or filled; each kind is a
 * run in the order of the ring, and the counters run freely: consumed <= filled <= given <=
 * consumed + INPUT_SEGMENTS.
 */
#define INPUT_SEGMENTS 16u

struct input_buffer {
    uint8_t *bytes;
    uint32_t segment_size;
    uint32_t consumed;
    uint32_t filled;
    uint32_t given;
    uint32_t start[INPUT_SEGMENTS]; /* of the bytes not consumed, in a filled segment */
    uint32_t end[INPUT_SEGMENTS];
};

void input_buffer_init(struct input_buffer *buffer, uint8_t *bytes, uint32_t size);
/* The next free segment goes to the device: NULL when none is free. */
uint8_t *input_buffer_give(struct input_buffer *buffer);
/* The device has put size bytes, at most segment_size, into the oldest segment it has. */
void input_buffer_fill(struct input_buffer *buffer, uint32_t size);
/* Whether input_buffer_append takes at least one byte. */
bool input_buffer_has_room(const struct input_buffer *buffer);
/* For a device without memory access of its own: copies up to size bytes and says how many. */
uint32_t input_buffer_append(struct input_buffer *buffer, const uint8_t *bytes, uint32_t size);
/* A contiguous span of what came first, and how much of it was taken. */
uint32_t input_buffer_peek(const struct input_buffer *buffer, const uint8_t **span_out);
void input_buffer_consume(struct input_buffer *buffer, uint32_t size);
