#include "core/stream_buffer.h"

#include "core/assert.h"

static uint32_t smaller(uint32_t left, uint32_t right) {
    return left < right ? left : right;
}

static void output_buffer_check(const struct output_buffer *buffer) {
    ASSERT(buffer->committed - buffer->sent <= buffer->size);
    ASSERT(buffer->given - buffer->sent <= buffer->committed - buffer->sent);
}

void output_buffer_init(struct output_buffer *buffer, uint8_t *bytes, uint32_t size) {
    ASSERT(size > 0 && (size & (size - 1)) == 0);
    *buffer = (struct output_buffer){.bytes = bytes, .size = size};
}

uint32_t output_buffer_reserve(const struct output_buffer *buffer, uint8_t **span_out) {
    uint32_t offset = buffer->committed & (buffer->size - 1);
    uint32_t room = buffer->size - (buffer->committed - buffer->sent);
    *span_out = buffer->bytes + offset;
    return smaller(room, buffer->size - offset);
}

void output_buffer_commit(struct output_buffer *buffer, uint32_t size) {
    ASSERT(size <= buffer->size - (buffer->committed - buffer->sent));
    buffer->committed += size;
    output_buffer_check(buffer);
}

uint32_t output_buffer_pending(const struct output_buffer *buffer, uint8_t **span_out) {
    uint32_t offset = buffer->given & (buffer->size - 1);
    *span_out = buffer->bytes + offset;
    return smaller(buffer->committed - buffer->given, buffer->size - offset);
}

void output_buffer_give(struct output_buffer *buffer, uint32_t size) {
    ASSERT(size <= buffer->committed - buffer->given);
    buffer->given += size;
    output_buffer_check(buffer);
}

void output_buffer_release(struct output_buffer *buffer, uint32_t size) {
    ASSERT(size <= buffer->given - buffer->sent);
    buffer->sent += size;
    output_buffer_check(buffer);
}

bool output_buffer_is_empty(const struct output_buffer *buffer) {
    return buffer->sent == buffer->committed;
}

static void input_buffer_check(const struct input_buffer *buffer) {
    uint32_t filled = buffer->filled - buffer->consumed;
    uint32_t given = buffer->given - buffer->consumed;
    ASSERT(filled <= given && given <= INPUT_SEGMENTS);
}

void input_buffer_init(struct input_buffer *buffer, uint8_t *bytes, uint32_t size) {
    ASSERT(size >= INPUT_SEGMENTS && (size & (size - 1)) == 0);
    *buffer = (struct input_buffer){.bytes = bytes, .segment_size = size / INPUT_SEGMENTS};
}

static uint8_t *segment_bytes(const struct input_buffer *buffer, uint32_t counter) {
    return buffer->bytes + (counter % INPUT_SEGMENTS) * buffer->segment_size;
}

uint8_t *input_buffer_give(struct input_buffer *buffer) {
    if (buffer->given - buffer->consumed == INPUT_SEGMENTS) {
        return NULL;
    }
    buffer->given++;
    input_buffer_check(buffer);
    return segment_bytes(buffer, buffer->given - 1);
}

/* Segments without bytes are never left at the front, so that peek looks at one segment alone. */
static void input_buffer_recycle(struct input_buffer *buffer) {
    while (buffer->consumed != buffer->filled) {
        uint32_t index = buffer->consumed % INPUT_SEGMENTS;
        if (buffer->start[index] != buffer->end[index]) {
            break;
        }
        buffer->consumed++;
    }
}

void input_buffer_fill(struct input_buffer *buffer, uint32_t size) {
    ASSERT(size <= buffer->segment_size && buffer->filled != buffer->given);
    uint32_t index = buffer->filled % INPUT_SEGMENTS;
    buffer->start[index] = 0;
    buffer->end[index] = size;
    buffer->filled++;
    input_buffer_recycle(buffer);
    input_buffer_check(buffer);
}

static bool last_has_room(const struct input_buffer *buffer) {
    uint32_t last = (buffer->filled - 1) % INPUT_SEGMENTS;
    return buffer->filled != buffer->consumed && buffer->end[last] < buffer->segment_size;
}

bool input_buffer_has_room(const struct input_buffer *buffer) {
    return last_has_room(buffer) || buffer->given - buffer->consumed < INPUT_SEGMENTS;
}

uint32_t input_buffer_append(struct input_buffer *buffer, const uint8_t *bytes, uint32_t size) {
    ASSERT(buffer->given == buffer->filled);
    uint32_t done = 0;
    while (done < size && input_buffer_has_room(buffer)) {
        if (!last_has_room(buffer)) {
            (void)input_buffer_give(buffer);
            uint32_t fresh = buffer->filled++ % INPUT_SEGMENTS;
            buffer->start[fresh] = buffer->end[fresh] = 0;
        }
        uint32_t last = (buffer->filled - 1) % INPUT_SEGMENTS;
        segment_bytes(buffer, buffer->filled - 1)[buffer->end[last]++] = bytes[done++];
    }
    input_buffer_check(buffer);
    return done;
}

uint32_t input_buffer_peek(const struct input_buffer *buffer, const uint8_t **span_out) {
    if (buffer->consumed == buffer->filled) {
        *span_out = buffer->bytes;
        return 0;
    }
    uint32_t index = buffer->consumed % INPUT_SEGMENTS;
    *span_out = segment_bytes(buffer, buffer->consumed) + buffer->start[index];
    return buffer->end[index] - buffer->start[index];
}

void input_buffer_consume(struct input_buffer *buffer, uint32_t size) {
    if (size == 0) {
        return;
    }
    uint32_t index = buffer->consumed % INPUT_SEGMENTS;
    ASSERT(buffer->consumed != buffer->filled);
    ASSERT(size <= buffer->end[index] - buffer->start[index]);
    buffer->start[index] += size;
    input_buffer_recycle(buffer);
    input_buffer_check(buffer);
}
