#include "core/page_tree.h"

#include "tests/host/test.h"

/* A reference: the pages in use, unordered. */
enum { USED_MAX = 300, STEPS = 2000 };

struct entry {
    uint64_t page, value;
};

static struct entry used[USED_MAX];
static uint32_t used_count, node_count, nodes_left;

static uint64_t *take_node(void *argument) {
    CHECK(argument == &node_count);
    if (nodes_left == 0) {
        return NULL;
    }
    nodes_left--;
    node_count++;
    return calloc(PAGE_TREE_FANOUT, sizeof(uint64_t));
}

static void start(struct page_tree *tree, uint64_t page_count) {
    used_count = node_count = 0;
    nodes_left = UINT32_MAX;
    page_tree_init(tree, page_count);
}

static struct entry *find_used(uint64_t page) {
    for (uint32_t i = 0; i < used_count; i++) {
        if (used[i].page == page) {
            return &used[i];
        }
    }
    return NULL;
}

static void set(struct page_tree *tree, uint64_t page, uint64_t value) {
    uint64_t *entry = page_tree_ensure(tree, page, take_node, &node_count);
    CHECK(entry != NULL && entry == page_tree_find(tree, page));
    struct entry *reference = find_used(page);
    CHECK_EQUAL(*entry, reference == NULL ? 0 : reference->value);
    *entry = value;
    if (reference == NULL) {
        reference = &used[used_count++];
    }
    *reference = (struct entry){page, value};
}

static void clear(struct page_tree *tree, uint32_t index) {
    uint64_t *entry = page_tree_find(tree, used[index].page);
    CHECK(entry != NULL);
    CHECK_EQUAL(*entry, used[index].value);
    *entry = 0;
    used[index] = used[--used_count];
}

static uint64_t count_between(uint64_t low, uint64_t high) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < used_count; i++) {
        count += used[i].page >= low && used[i].page < high;
    }
    return count;
}

/* next visits every entry in use of the range, in order, and no other. */
static void compare(const struct page_tree *tree, uint64_t low, uint64_t high) {
    uint64_t found = 0, page = low;
    uint64_t *entry;
    page_tree_check(tree);
    for (; (entry = page_tree_next(tree, &page, high)) != NULL; page++) {
        CHECK(page >= low && page < high);
        struct entry *reference = find_used(page);
        CHECK(reference != NULL);
        CHECK_EQUAL(*entry, reference->value);
        found++;
    }
    CHECK_EQUAL(page, high);
    CHECK_EQUAL(found, count_between(low, high));
}

/* Every node comes out once, those with entries with all of them, and then there is none. */
static void take_apart(struct page_tree *tree) {
    uint64_t entries = 0;
    uint32_t nodes = 0;
    bool holds_entries;
    uint64_t *node;
    while ((node = page_tree_take_node(tree, &holds_entries)) != NULL) {
        nodes++;
        for (uint32_t i = 0; i < PAGE_TREE_FANOUT; i++) {
            CHECK(holds_entries || node[i] == 0);
            entries += node[i] != 0;
        }
        page_tree_check(tree);
        free(node);
    }
    CHECK_EQUAL(nodes, node_count);
    CHECK_EQUAL(entries, used_count);
    CHECK(tree->root == NULL);
}

static uint64_t random_page(uint64_t page_count) {
    uint64_t base = test_random_below(page_count);
    switch (test_random_below(4)) {
    case 0:
        return base;
    case 1:
        return base % PAGE_TREE_FANOUT;
    case 2:
        return page_count - 1 - base % (page_count < 8 ? page_count : 8);
    default: /* where nodes meet */
        base &= ~(uint64_t)(PAGE_TREE_FANOUT - 1);
        return base == 0 ? 0 : base - test_random_below(2);
    }
}

static void work_on(uint64_t page_count) {
    struct page_tree tree;
    start(&tree, page_count);
    compare(&tree, 0, page_count);
    for (uint32_t step = 0; step < STEPS; step++) {
        if (used_count == USED_MAX || (used_count > 0 && test_random_below(5) < 2)) {
            clear(&tree, (uint32_t)test_random_below(used_count));
        } else {
            set(&tree, random_page(page_count), test_random() | 1);
        }
        if (step % 64 == 0) {
            uint64_t low = random_page(page_count), high = random_page(page_count);
            compare(&tree, low < high ? low : high, low < high ? high : low);
        }
    }
    compare(&tree, 0, page_count);
    take_apart(&tree);
}

TEST(entries_are_those_of_a_reference) {
    const uint64_t counts[] = {1,      2,      511,    512,    513,       5000,
                               262143, 262144, 262145, 900000, 134217727, PAGE_TREE_PAGES_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        work_on(counts[i]);
    }
}

TEST(levels_are_as_many_as_it_takes) {
    struct page_tree tree;
    page_tree_init(&tree, 512);
    CHECK_EQUAL(tree.levels, 1);
    page_tree_init(&tree, 513);
    CHECK_EQUAL(tree.levels, 2);
    page_tree_init(&tree, 512 * 512 + 1);
    CHECK_EQUAL(tree.levels, 3);
    CHECK_ASSERTS(page_tree_init(&tree, 0));
    CHECK_ASSERTS(page_tree_init(&tree, PAGE_TREE_PAGES_MAX + 1));
}

/* However many nodes there are when they run out: nothing is lost, and it works when there are
 * more. */
TEST(a_node_that_is_not_there_changes_nothing) {
    for (uint32_t limit = 0; limit <= PAGE_TREE_LEVELS_MAX; limit++) {
        struct page_tree tree;
        start(&tree, PAGE_TREE_PAGES_MAX);
        nodes_left = limit;
        uint64_t page = PAGE_TREE_PAGES_MAX / 3;
        uint64_t *entry = page_tree_ensure(&tree, page, take_node, &node_count);
        CHECK((entry != NULL) == (limit == PAGE_TREE_LEVELS_MAX));
        compare(&tree, 0, PAGE_TREE_PAGES_MAX);
        CHECK(page_tree_find(&tree, page) == entry);
        nodes_left = UINT32_MAX;
        set(&tree, page, 7);
        CHECK_EQUAL(node_count, PAGE_TREE_LEVELS_MAX);
        compare(&tree, 0, PAGE_TREE_PAGES_MAX);
        take_apart(&tree);
    }
}

TEST(a_page_outside_is_an_error_of_the_caller) {
    struct page_tree tree;
    uint64_t page = 0;
    start(&tree, 10);
    CHECK_ASSERTS(page_tree_find(&tree, 10));
    CHECK_ASSERTS(page_tree_ensure(&tree, 10, take_node, &node_count));
    CHECK_ASSERTS(page_tree_next(&tree, &page, 11));
}
