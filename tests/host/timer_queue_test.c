#include "core/timer_queue.h"

#include "tests/host/test.h"

enum { NODES = 300, STEPS = 30000 };

static struct timer_queue queue;
static struct timer_node nodes[NODES];

static void start(void) {
    timer_queue_init(&queue);
    for (int i = 0; i < NODES; i++) {
        timer_node_init(&nodes[i]);
    }
}

TEST(empty_queue_has_no_deadline) {
    start();
    CHECK(timer_queue_first(&queue) == NULL);
    CHECK(timer_queue_pop(&queue, UINT64_MAX) == NULL);
    CHECK_EQUAL(timer_queue_deadline(&queue), UINT64_MAX);
    timer_queue_remove(&queue, &nodes[0]);
    timer_queue_check(&queue);
}

TEST(nothing_fires_before_its_deadline) {
    start();
    timer_queue_insert(&queue, &nodes[0], 100);
    CHECK(timer_queue_pop(&queue, 99) == NULL);
    CHECK_EQUAL(timer_queue_deadline(&queue), 100);
    CHECK(timer_queue_pop(&queue, 100) == &nodes[0]);
    CHECK(!nodes[0].queued);
    CHECK_EQUAL(queue.count, 0);
}

TEST(equal_deadlines_fire_in_order_of_insertion) {
    start();
    for (int i = 0; i < NODES; i++) {
        timer_queue_insert(&queue, &nodes[i], (uint64_t)(i % 3));
    }
    for (int deadline = 0; deadline < 3; deadline++) {
        for (int i = deadline; i < NODES; i += 3) {
            CHECK(timer_queue_pop(&queue, UINT64_MAX) == &nodes[i]);
            timer_queue_check(&queue);
        }
    }
}

TEST(inserting_twice_is_caught) {
    start();
    timer_queue_insert(&queue, &nodes[0], 1);
    CHECK_ASSERTS(timer_queue_insert(&queue, &nodes[0], 2));
}

TEST(disorder_is_caught) {
    start();
    for (int i = 0; i < 10; i++) {
        timer_queue_insert(&queue, &nodes[i], (uint64_t)i);
    }
    timer_queue_check(&queue);
    nodes[0].deadline_ns = 100;
    CHECK_ASSERTS(timer_queue_check(&queue));
}

/* The earliest node by looking at all of them. */
static struct timer_node *model_first(void) {
    struct timer_node *first = NULL;
    for (int i = 0; i < NODES; i++) {
        struct timer_node *node = &nodes[i];
        if (node->queued &&
            (first == NULL || node->deadline_ns < first->deadline_ns ||
             (node->deadline_ns == first->deadline_ns && node->sequence < first->sequence))) {
            first = node;
        }
    }
    return first;
}

TEST(random_operations_agree_with_a_model) {
    start();
    uint64_t now = 0;
    uint32_t count = 0;
    for (int step = 0; step < STEPS; step++) {
        struct timer_node *node = &nodes[test_random_below(NODES)];
        uint64_t choice = test_random_below(10);
        if (choice < 5 && !node->queued) {
            timer_queue_insert(&queue, node, now + test_random_below(50));
            count++;
        } else if (choice < 7) {
            count -= node->queued;
            timer_queue_remove(&queue, node);
            CHECK(!node->queued);
        } else {
            now += test_random_below(8);
            struct timer_node *wanted = model_first();
            if (wanted != NULL && wanted->deadline_ns > now) {
                wanted = NULL;
            }
            CHECK(timer_queue_pop(&queue, now) == wanted);
            count -= wanted != NULL;
        }
        CHECK(timer_queue_first(&queue) == model_first());
        CHECK_EQUAL(queue.count, count);
        timer_queue_check(&queue);
    }
}
