#include "core/virtqueue.h"

#include "tests/host/test.h"

enum { SIZE = 8 };

/* A device that does what the driver asks, or something else. */
struct fixture {
    struct virtqueue queue;
    struct virtqueue_memory memory;
    uint16_t seen; /* entries of the available ring that the device has read */
};

static void init(struct fixture *fixture, bool device_writes) {
    memset(fixture, 0, sizeof *fixture);
    virtqueue_init(&fixture->queue, &fixture->memory, SIZE, device_writes);
}

static void device_answer(struct fixture *fixture, uint32_t id, uint32_t length) {
    struct virtqueue_used *used = &fixture->memory.used;
    used->ring[used->index % SIZE] = (struct virtqueue_used_element){.id = id, .length = length};
    used->index++;
}

static uint16_t device_take(struct fixture *fixture) {
    CHECK(fixture->seen != fixture->memory.available.index);
    return fixture->memory.available.ring[fixture->seen++ % SIZE];
}

TEST(buffers_come_back_in_order) {
    struct fixture fixture;
    init(&fixture, true);
    uint32_t length, written;
    for (uint32_t round = 0; round < 70000; round += SIZE) { /* the counters wrap */
        for (uint32_t i = 0; i < SIZE; i++) {
            virtqueue_post(&fixture.queue, round + i, 100 + i);
        }
        CHECK_EQUAL(virtqueue_room(&fixture.queue), 0);
        uint16_t first = device_take(&fixture);
        CHECK_EQUAL(fixture.memory.descriptors[first].address, round);
        CHECK_EQUAL(fixture.memory.descriptors[first].flags, 2);
        for (uint32_t i = 1; i < SIZE; i++) {
            device_answer(&fixture, device_take(&fixture), i);
        }
        CHECK(virtqueue_collect(&fixture.queue));
        CHECK(!virtqueue_take(&fixture.queue, &length, &written)); /* the oldest is missing */
        device_answer(&fixture, first, 0);
        CHECK(virtqueue_collect(&fixture.queue));
        for (uint32_t i = 0; i < SIZE; i++) {
            CHECK(virtqueue_take(&fixture.queue, &length, &written));
            CHECK_EQUAL(length, 100 + i);
            CHECK_EQUAL(written, i);
        }
        CHECK(!virtqueue_take(&fixture.queue, &length, &written));
    }
}

TEST(length_of_what_the_device_reads_is_ignored) {
    struct fixture fixture;
    init(&fixture, false);
    uint32_t length, written;
    virtqueue_post(&fixture.queue, 0x1000, 5);
    CHECK_EQUAL(fixture.memory.descriptors[0].flags, 0);
    device_answer(&fixture, 0, UINT32_MAX);
    CHECK(virtqueue_collect(&fixture.queue));
    CHECK(virtqueue_take(&fixture.queue, &length, &written));
    CHECK_EQUAL(length, 5);
    CHECK_EQUAL(written, 0);
}

static void check_breaks(struct fixture *fixture) {
    uint32_t length, written;
    CHECK(!virtqueue_collect(&fixture->queue));
    CHECK(!virtqueue_collect(&fixture->queue));
    CHECK(!virtqueue_take(&fixture->queue, &length, &written));
    CHECK_EQUAL(virtqueue_room(&fixture->queue), 0);
    CHECK_ASSERTS(virtqueue_post(&fixture->queue, 0, 1));
}

TEST(answers_that_do_not_fit_break_the_queue) {
    struct fixture fixture;
    static const uint32_t ids[] = {1, SIZE, SIZE + 1, 0x10000, UINT32_MAX};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) { /* never posted */
        init(&fixture, true);
        virtqueue_post(&fixture.queue, 0, 10);
        device_answer(&fixture, ids[i], 0);
        check_breaks(&fixture);
    }
    init(&fixture, true); /* more than there was room for */
    virtqueue_post(&fixture.queue, 0, 10);
    device_answer(&fixture, 0, 11);
    check_breaks(&fixture);

    init(&fixture, true); /* twice */
    virtqueue_post(&fixture.queue, 0, 10);
    virtqueue_post(&fixture.queue, 0, 10);
    device_answer(&fixture, 0, 1);
    device_answer(&fixture, 0, 1);
    check_breaks(&fixture);

    init(&fixture, true); /* more than was asked for, and an index that runs backwards */
    virtqueue_post(&fixture.queue, 0, 10);
    device_answer(&fixture, 0, 1);
    device_answer(&fixture, 0, 1);
    check_breaks(&fixture);
    init(&fixture, true);
    fixture.memory.used.index = UINT16_MAX;
    check_breaks(&fixture);
}

TEST(wishes_of_both_sides_are_kept) {
    struct fixture fixture;
    init(&fixture, true);
    CHECK(virtqueue_needs_notify(&fixture.queue));
    fixture.memory.used.flags = 1;
    CHECK(!virtqueue_needs_notify(&fixture.queue));
    CHECK_EQUAL(fixture.memory.available.flags, 0);
    virtqueue_ask_interrupts(&fixture.queue, false);
    CHECK_EQUAL(fixture.memory.available.flags, 1);
    virtqueue_ask_interrupts(&fixture.queue, true);
    CHECK_EQUAL(fixture.memory.available.flags, 0);
}

/* Whatever a device writes, the driver gets back what it posted, in order, or nothing. */
TEST(hostile_device_confuses_nobody) {
    for (int run = 0; run < 20000; run++) {
        struct fixture fixture;
        init(&fixture, true);
        uint32_t posted = 0, taken = 0;
        for (int step = 0; step < 40; step++) {
            if (virtqueue_room(&fixture.queue) > 0 && test_random_below(2) == 0) {
                virtqueue_post(&fixture.queue, posted, 64 + posted);
                posted++;
            }
            if (test_random_below(8) == 0) {
                uint8_t *bytes = (uint8_t *)&fixture.memory;
                bytes[test_random_below(sizeof fixture.memory)] = (uint8_t)test_random();
            } else if (posted != fixture.seen && test_random_below(2) == 0) {
                device_answer(&fixture, fixture.seen++ % SIZE, (uint32_t)test_random_below(70));
            }
            bool works = virtqueue_collect(&fixture.queue);
            uint32_t length, written;
            while (virtqueue_take(&fixture.queue, &length, &written)) {
                CHECK(works && taken < posted);
                CHECK_EQUAL(length, 64 + taken);
                CHECK(written <= length);
                taken++;
            }
        }
    }
}
