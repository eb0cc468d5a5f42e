#include "core/ready_queue.h"

#include "tests/host/test.h"

enum { NODES = 60, STEPS = 30000, CPUS = 4 };

static struct ready_queue queue;
static struct ready_node nodes[NODES];

static void start(void) {
    ready_queue_init(&queue, 0);
    memset(nodes, 0, sizeof nodes);
}

static void insert(int index, uint32_t band, uint64_t cpus) {
    nodes[index].band = band;
    nodes[index].cpus = cpus;
    ready_queue_insert(&queue, &nodes[index], band, cpus);
    ready_queue_check(&queue);
}

static struct ready_node *find(uint64_t cpus, uint32_t least, uint32_t most) {
    return ready_queue_find_movable(&queue, cpus, least, most, NODES);
}

static bool is_queued(const struct ready_node *node) {
    return node->is_queued;
}

TEST(empty_queue_has_nobody) {
    start();
    CHECK(ready_queue_take(&queue) == NULL);
    CHECK(find(UINT64_MAX, 0, 31) == NULL);
    CHECK_EQUAL(atomic_load(&queue.bands), 0);
    ready_queue_check(&queue);
}

TEST(first_come_first_served) {
    start();
    for (int i = 0; i < 10; i++) {
        insert(i, 16, i % 3 == 0 ? 1 : 3);
    }
    for (int i = 0; i < 10; i++) {
        CHECK(ready_queue_take(&queue) == &nodes[i]);
        ready_queue_check(&queue);
    }
}

TEST(the_most_urgent_band_comes_first) {
    start();
    insert(0, 0, 3);
    insert(1, 31, 1);
    insert(2, 7, 3);
    CHECK_EQUAL(atomic_load(&queue.bands), 1u << 31 | 1u << 7 | 1u);
    CHECK_EQUAL(atomic_load(&queue.movable), 1u << 7 | 1u);
    CHECK(ready_queue_take(&queue) == &nodes[1]);
    CHECK(ready_queue_take(&queue) == &nodes[2]);
    CHECK(ready_queue_take(&queue) == &nodes[0]);
}

TEST(nobody_is_found_who_may_not_run_there) {
    start();
    insert(0, 20, 1);
    insert(1, 18, 5);
    insert(2, 16, 3);
    CHECK(find(8, 0, 31) == NULL);
    CHECK(find(2, 17, 31) == NULL);
    CHECK(find(2, 0, 31) == &nodes[2]);
    CHECK(find(4, 18, 18) == &nodes[1]);
    CHECK(find(6, 0, 17) == &nodes[2]);
    CHECK(find(1, 0, 31) == &nodes[1]);
    CHECK(ready_queue_take(&queue) == &nodes[0]);
}

/* The word may say too much, until somebody has looked. */
TEST(a_search_in_vain_is_not_repeated) {
    start();
    insert(0, 16, 1);
    insert(1, 16, 3);
    ready_queue_remove(&queue, &nodes[1]);
    ready_queue_check(&queue);
    CHECK_EQUAL(atomic_load(&queue.movable), 1u << 16);
    CHECK(find(2, 0, 31) == NULL);
    CHECK_EQUAL(atomic_load(&queue.movable), 0);
    insert(1, 16, 3);
    CHECK(find(4, 0, 31) == NULL); /* it may move, but not there */
    CHECK_EQUAL(atomic_load(&queue.movable), 1u << 16);
}

TEST(the_search_is_bounded) {
    start();
    for (int i = 0; i < 10; i++) {
        insert(i, 16, i == 9 ? 3 : 1);
    }
    CHECK(ready_queue_find_movable(&queue, 2, 0, 31, 9) == NULL);
    CHECK(ready_queue_find_movable(&queue, 2, 0, 31, 10) == &nodes[9]);
}

TEST(inserting_twice_is_caught) {
    start();
    insert(0, 16, 1);
    CHECK_ASSERTS(ready_queue_insert(&queue, &nodes[0], 16, 1));
}

TEST(removing_what_is_not_there_is_caught) {
    start();
    CHECK_ASSERTS(ready_queue_remove(&queue, &nodes[0]));
}

TEST(changing_a_queued_node_is_caught) {
    start();
    insert(0, 16, 3);
    nodes[0].band = 17;
    CHECK_ASSERTS(ready_queue_check(&queue));
}

/* When each came, and whom take or find_movable should find, by looking at all of them. */
static uint64_t orders[NODES], next_order;

static struct ready_node *model_best(uint64_t cpus, bool must_move, uint32_t least, uint32_t most) {
    int best = -1;
    for (int i = 0; i < NODES; i++) {
        const struct ready_node *node = &nodes[i];
        if (!is_queued(node) || node->band < least || node->band > most ||
            (must_move && node->cpus == 1) || (node->cpus & cpus) == 0) {
            continue;
        }
        if (best < 0 || node->band > nodes[best].band ||
            (node->band == nodes[best].band && orders[i] < orders[best])) {
            best = i;
        }
    }
    return best < 0 ? NULL : &nodes[best];
}

TEST(random_operations_agree_with_a_model) {
    start();
    for (int step = 0; step < STEPS; step++) {
        uint64_t index = test_random_below(NODES);
        struct ready_node *node = &nodes[index];
        uint64_t choice = test_random_below(10);
        if (choice < 5 && !is_queued(node)) {
            node->band = (uint32_t)test_random_below(4) * 10;
            node->cpus = 1 | test_random_below(1 << CPUS);
            orders[index] = next_order++;
            ready_queue_insert(&queue, node, node->band, node->cpus);
        } else if (choice < 6 && is_queued(node)) {
            ready_queue_remove(&queue, node);
            CHECK(!is_queued(node));
        } else if (choice < 8) {
            struct ready_node *wanted = model_best(UINT64_MAX, false, 0, 31);
            CHECK(ready_queue_take(&queue) == wanted);
        } else {
            uint64_t cpus = test_random_below(1 << CPUS);
            uint32_t least = (uint32_t)test_random_below(READY_BANDS);
            uint32_t most = least + (uint32_t)test_random_below(READY_BANDS - least);
            CHECK(find(cpus, least, most) == model_best(cpus, true, least, most));
        }
        ready_queue_check(&queue);
    }
}
