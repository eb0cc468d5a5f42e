#include "core/stream_buffer.h"

#include "tests/host/test.h"

enum { SIZE = 256, SEGMENT = SIZE / INPUT_SEGMENTS };

static uint8_t byte_at(uint32_t position) {
    return (uint8_t)(position * 7 + position / 256);
}

static uint32_t random_up_to(uint32_t limit) {
    return (uint32_t)test_random_below((uint64_t)limit + 1);
}

TEST(output_arrives_whole_and_in_order) {
    static uint8_t bytes[SIZE];
    struct output_buffer buffer;
    output_buffer_init(&buffer, bytes, SIZE);
    buffer.committed = buffer.given = buffer.sent = UINT32_MAX - 1000; /* the counters wrap */
    uint32_t written = 0, given = 0, sent = 0;
    uint8_t *span;
    while (sent < 200000) {
        uint32_t size = random_up_to(output_buffer_reserve(&buffer, &span));
        for (uint32_t i = 0; i < size; i++) {
            span[i] = byte_at(written++);
        }
        output_buffer_commit(&buffer, size);
        size = random_up_to(output_buffer_pending(&buffer, &span));
        for (uint32_t i = 0; i < size; i++) {
            CHECK_EQUAL(span[i], byte_at(given + i));
        }
        given += size;
        output_buffer_give(&buffer, size);
        size = random_up_to(given - sent);
        output_buffer_release(&buffer, size);
        sent += size;
        CHECK_EQUAL(output_buffer_is_empty(&buffer), sent == written);
        CHECK(written - sent <= SIZE);
    }
}

TEST(full_output_has_no_span) {
    static uint8_t bytes[SIZE];
    struct output_buffer buffer;
    uint8_t *span;
    output_buffer_init(&buffer, bytes, SIZE);
    CHECK_EQUAL(output_buffer_reserve(&buffer, &span), SIZE);
    output_buffer_commit(&buffer, SIZE);
    CHECK_EQUAL(output_buffer_reserve(&buffer, &span), 0);
    output_buffer_give(&buffer, 10);
    CHECK_EQUAL(output_buffer_reserve(&buffer, &span), 0); /* the device still reads these */
    output_buffer_release(&buffer, 10);
    CHECK_EQUAL(output_buffer_reserve(&buffer, &span), 10);
    CHECK_ASSERTS(output_buffer_commit(&buffer, 11));
    output_buffer_init(&buffer, bytes, SIZE);
    CHECK_ASSERTS(output_buffer_release(&buffer, 1));
}

TEST(input_arrives_whole_and_in_order) {
    static uint8_t bytes[SIZE];
    struct input_buffer buffer;
    input_buffer_init(&buffer, bytes, SIZE);
    uint8_t *queue[INPUT_SEGMENTS]; /* segments that the device has */
    uint32_t head = 0, tail = 0, filled = 0, read = 0;
    while (read < 100000) {
        if (test_random_below(2) == 0) {
            uint8_t *segment = input_buffer_give(&buffer);
            CHECK(segment != NULL || tail - head <= INPUT_SEGMENTS);
            if (segment != NULL) {
                queue[tail++ % INPUT_SEGMENTS] = segment;
            }
        }
        if (head != tail) {
            uint8_t *segment = queue[head++ % INPUT_SEGMENTS];
            uint32_t size = random_up_to(SEGMENT);
            for (uint32_t i = 0; i < size; i++) {
                segment[i] = byte_at(filled++);
            }
            input_buffer_fill(&buffer, size);
        }
        const uint8_t *span;
        uint32_t size = random_up_to(input_buffer_peek(&buffer, &span));
        for (uint32_t i = 0; i < size; i++) {
            CHECK_EQUAL(span[i], byte_at(read++));
        }
        input_buffer_consume(&buffer, size);
    }
}

TEST(empty_segments_do_not_look_like_the_end) {
    static uint8_t bytes[SIZE];
    struct input_buffer buffer;
    const uint8_t *span;
    input_buffer_init(&buffer, bytes, SIZE);
    CHECK(input_buffer_give(&buffer) != NULL && input_buffer_give(&buffer) != NULL);
    CHECK(input_buffer_give(&buffer) != NULL);
    input_buffer_fill(&buffer, 1);
    input_buffer_fill(&buffer, 0);
    input_buffer_fill(&buffer, 2);
    input_buffer_consume(&buffer, 1);
    CHECK_EQUAL(input_buffer_peek(&buffer, &span), 2);
}

TEST(segments_are_limited) {
    static uint8_t bytes[SIZE];
    struct input_buffer buffer;
    input_buffer_init(&buffer, bytes, SIZE);
    for (uint32_t i = 0; i < INPUT_SEGMENTS; i++) {
        CHECK(input_buffer_give(&buffer) == bytes + i * SEGMENT);
    }
    CHECK(input_buffer_give(&buffer) == NULL);
    CHECK_ASSERTS(input_buffer_fill(&buffer, SEGMENT + 1));
}

TEST(appended_bytes_fill_the_buffer) {
    static uint8_t bytes[SIZE];
    struct input_buffer buffer;
    input_buffer_init(&buffer, bytes, SIZE);
    uint32_t written = 0, read = 0;
    while (read < 50000) {
        uint8_t chunk[40];
        uint32_t size = random_up_to(sizeof chunk);
        for (uint32_t i = 0; i < size; i++) {
            chunk[i] = byte_at(written + i);
        }
        uint32_t room = input_buffer_has_room(&buffer) ? 1 : 0;
        uint32_t taken = input_buffer_append(&buffer, chunk, size);
        CHECK_EQUAL(taken > 0, size > 0 && room > 0);
        written += taken;
        const uint8_t *span;
        size = random_up_to(input_buffer_peek(&buffer, &span));
        for (uint32_t i = 0; i < size; i++) {
            CHECK_EQUAL(span[i], byte_at(read++));
        }
        input_buffer_consume(&buffer, size);
    }
    uint8_t fill[2 * SIZE] = {0};
    (void)input_buffer_append(&buffer, fill, sizeof fill);
    CHECK(!input_buffer_has_room(&buffer));
}
