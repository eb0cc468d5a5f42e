#include "core/address_ranges.h"

#include "tests/host/test.h"

#define PAGE UINT64_C(4096)

enum { PAGES = 256, POOL = PAGES + 8, STEPS = 40000 };
#define LOW (UINT64_C(16) * PAGE)
#define HIGH (LOW + PAGES * PAGE)

/* Every page, in the simplest form. kind 0: free. */
struct page {
    uint32_t kind, protection;
    uint64_t tag, generation;
};

static struct address_ranges ranges;
static struct page pages[PAGES];
static struct address_range nodes[POOL];
static struct address_pool unused;

static void give_back(struct address_range *node) {
    memset(node, 0xaa, sizeof *node); /* whoever still uses it will be noticed */
    address_pool_push(&unused, node);
}

static struct address_range *take(void) {
    CHECK(unused.count > 0);
    return address_pool_pop(&unused);
}

/* A pool of so many nodes, and back what is in it. */
static struct address_pool take_pool(uint32_t count) {
    struct address_pool pool = {0};
    for (uint32_t i = 0; i < count; i++) {
        address_pool_push(&pool, take());
    }
    return pool;
}

static void give_back_pool(struct address_pool *pool) {
    while (pool->count > 0) {
        give_back(address_pool_pop(pool));
    }
    CHECK(pool->first == NULL);
}

static void start(void) {
    address_ranges_init(&ranges, LOW, HIGH);
    memset(pages, 0, sizeof pages);
    unused = (struct address_pool){0};
    for (int i = 0; i < POOL; i++) {
        give_back(&nodes[i]);
    }
}

static bool pages_are_equal(const struct page *left, const struct page *right) {
    return left->kind == right->kind && left->protection == right->protection &&
           left->tag == right->tag && left->generation == right->generation;
}

/* Every page is in a range that says what it should, and holes are holes. */
static void compare(void) {
    address_ranges_check(&ranges);
    CHECK_EQUAL(unused.count + ranges.count, POOL);
    const struct address_range *range = NULL;
    for (uint64_t i = 0; i < PAGES; i++) {
        uint64_t address = LOW + i * PAGE;
        range = address_ranges_find(&ranges, address + test_random_below(PAGE));
        CHECK((range != NULL) == (pages[i].kind != 0));
        if (range != NULL) {
            struct page found = {range->kind, range->protection, range->tag, range->generation};
            CHECK(pages_are_equal(&found, &pages[i]));
        }
    }
}

static status_t insert(uint64_t first, uint64_t count, uint32_t kind, uint32_t protection,
                       uint64_t tag) {
    struct address_range *node = take();
    *node = (struct address_range){
        .start = LOW + first * PAGE,
        .size = count * PAGE,
        .kind = kind,
        .protection = protection,
        .tag = tag,
    };
    status_t status = address_ranges_insert(&ranges, node);
    if (status != CAPOS_OK) {
        give_back(node);
        return status;
    }
    for (uint64_t i = first; i < first + count; i++) {
        pages[i] = (struct page){kind, protection, tag, ranges.generation};
    }
    return status;
}

static uint32_t count_kind(uint64_t first, uint64_t count, uint32_t kind) {
    uint32_t found = 0;
    for (uint64_t i = first; i < first + count; i++) {
        found += pages[i].kind == kind;
    }
    return found;
}

/* One of the two changes with `spares` spare nodes; the model follows when it was done. */
static status_t change(bool is_set, uint64_t first, uint64_t count, uint32_t kind,
                       uint32_t protection, uint32_t spares) {
    struct address_pool spare = take_pool(spares);
    uint64_t start_address = LOW + first * PAGE;
    size_t before = ranges.count;
    status_t status =
        is_set ? address_ranges_set(&ranges, start_address, count * PAGE, kind, protection, &spare)
               : address_ranges_remove(&ranges, start_address, count * PAGE, &spare);
    CHECK_EQUAL(spare.count + ranges.count, spares + before);
    give_back_pool(&spare);
    for (uint64_t i = first; status == CAPOS_OK && i < first + count; i++) {
        if (!is_set) {
            pages[i] = (struct page){0};
        } else if (pages[i].kind != 0) {
            pages[i].kind = kind == ADDRESS_KIND_KEEP ? pages[i].kind : kind;
            pages[i].protection = protection;
        }
    }
    return status;
}

static bool is_inside_equal_pages(uint64_t left) {
    return pages_are_equal(&pages[left], &pages[left + 1]) && pages[left].kind != 0;
}

/* True when they are the whole of a range that may wait to be merged. */
static bool is_apart(uint64_t first, uint64_t count) {
    const struct address_range *range = address_ranges_find(&ranges, LOW + first * PAGE);
    return range != NULL && range->start == LOW + first * PAGE && range->size == count * PAGE &&
           (range->is_unmerged || ranges.unmerged_count < ADDRESS_UNMERGED_MAX);
}

/* The spares that a change needs: one for each of its edges that lies inside a range. */
static uint32_t splits(bool is_set, uint64_t first, uint64_t count, uint32_t kind,
                       uint32_t protection) {
    uint64_t last = first + count - 1;
    bool low = first > 0 && is_inside_equal_pages(first - 1);
    bool high = last < PAGES - 1 && is_inside_equal_pages(last);
    if (is_set) {
        if (is_apart(first, count)) {
            return 0;
        }
        bool keeps = kind == ADDRESS_KIND_KEEP;
        low &= (!keeps && pages[first].kind != kind) || pages[first].protection != protection;
        high &= (!keeps && pages[last].kind != kind) || pages[last].protection != protection;
        return (uint32_t)low + (uint32_t)high;
    }
    uint64_t left = first, right = last;
    while (low && left > 0 && is_inside_equal_pages(left - 1)) {
        left--;
    }
    while (high && right < PAGES - 1 && is_inside_equal_pages(right)) {
        right++;
    }
    bool is_one = true; /* mapping that goes on at both ends */
    for (uint64_t page = left; page < right; page++) {
        is_one &= is_inside_equal_pages(page);
    }
    return low && high && is_one;
}

/* The nodes that come back when the ranges are merged that wait for it. */
static uint32_t count_waiting(void) {
    uint32_t waiting = 0;
    for (uint64_t page = 1; page < PAGES; page++) {
        const struct address_range *range = address_ranges_find(&ranges, LOW + page * PAGE);
        waiting +=
            range != NULL && range->start == LOW + page * PAGE && is_inside_equal_pages(page - 1);
    }
    return waiting;
}

static void step_insert(uint64_t first, uint64_t count) {
    bool is_free = count_kind(first, count, 0) == count;
    CHECK(address_ranges_is_free(&ranges, LOW + first * PAGE, count * PAGE) == is_free);
    status_t status = insert(first, count, 1 + (uint32_t)test_random_below(3),
                             (uint32_t)test_random_below(3), test_random_below(2));
    CHECK_EQUAL(status, is_free ? CAPOS_OK : CAPOS_E_EXISTS);
}

static void step_change(bool is_set, uint64_t first, uint64_t count) {
    uint32_t kind = (uint32_t)test_random_below(4);
    kind = kind == 0 ? ADDRESS_KIND_KEEP : kind;
    uint32_t protection = (uint32_t)test_random_below(3);
    uint32_t spares = (uint32_t)test_random_below(3);
    uint32_t needed = splits(is_set, first, count, kind, protection);
    uint32_t available = spares + count_waiting();
    status_t status = change(is_set, first, count, kind, protection, spares);
    CHECK_EQUAL(status, available < needed ? CAPOS_E_TOO_LARGE : CAPOS_OK);
}

/* The contract of find_free, hole by hole. */
static uint64_t model_find_free(uint64_t from, uint64_t size, uint64_t alignment) {
    uint64_t need = size + 2 * PAGE + (alignment - PAGE);
    for (uint64_t i = 0; i < PAGES; i++) {
        uint64_t hole = LOW + i * PAGE, end = hole;
        bool may_begin = i == 0 || pages[i - 1].kind != 0 || hole + PAGE == from;
        if (!may_begin || hole + PAGE < from) {
            continue;
        }
        for (uint64_t j = i; j < PAGES && pages[j].kind == 0; j++) {
            end += PAGE;
        }
        if (end - hole >= need) {
            return (hole + PAGE + alignment - 1) / alignment * alignment;
        }
    }
    return 0;
}

static void step_find_free(void) {
    uint64_t from = test_random_below(3) == 0 ? 0 : LOW + test_random_below(PAGES) * PAGE;
    uint64_t size = (1 + test_random_below(12)) * PAGE;
    uint64_t alignment = PAGE << test_random_below(4), found = 0;
    uint64_t wanted = model_find_free(from, size, alignment);
    status_t status = address_ranges_find_free(&ranges, from, size, alignment, &found);
    CHECK_EQUAL(status, wanted != 0 ? CAPOS_OK : CAPOS_E_NOT_FOUND);
    CHECK_EQUAL(found, wanted);
}

static void step_queries(uint64_t first, uint64_t count) {
    uint32_t kind = 1 + (uint32_t)test_random_below(3);
    bool is_kind = count_kind(first, count, kind) == count;
    CHECK(address_ranges_is_kind(&ranges, LOW + first * PAGE, count * PAGE, kind) == is_kind);
    const struct address_range *range = address_ranges_find_from(&ranges, LOW + first * PAGE);
    uint64_t next = first;
    while (next < PAGES && pages[next].kind == 0) {
        next++;
    }
    CHECK((range != NULL) == (next < PAGES));
    CHECK(range == NULL ||
          (range->start <= LOW + next * PAGE && range->start + range->size > LOW + next * PAGE));
    range = address_ranges_find_before(&ranges, LOW + first * PAGE);
    uint64_t end = first;
    while (end > 0 && pages[end - 1].kind == 0) {
        end--;
    }
    CHECK((range != NULL) == (end > 0));
    CHECK(range == NULL ||
          (range->start < LOW + end * PAGE && range->start + range->size >= LOW + end * PAGE));
}

TEST(random_operations_agree_with_a_page_array) {
    start();
    for (int step = 0; step < STEPS; step++) {
        uint64_t first = test_random_below(PAGES);
        uint64_t longest = test_random_below(8) == 0 ? PAGES : 12;
        uint64_t count = 1 + test_random_below(longest < PAGES - first ? longest : PAGES - first);
        switch (test_random_below(8)) {
        case 0:
        case 1:
        case 2:
            step_insert(first, count);
            break;
        case 3:
        case 4:
            step_change(true, first, count);
            break;
        case 5:
            step_change(false, first, count);
            break;
        case 6:
            step_queries(first, count);
            break;
        default:
            step_find_free();
            break;
        }
        compare();
    }
}

TEST(tree_stays_shallow) {
    start();
    for (uint64_t i = 0; i < PAGES; i++) {
        CHECK_EQUAL(insert(i, 1, 1, 0, i), CAPOS_OK);
    }
    CHECK(ranges.root->height <= 10); /* 1.44 log2(256) = 11.5; ascending order gives a full tree */
    for (uint64_t i = 0; i < PAGES; i += 2) {
        CHECK_EQUAL(change(false, i, 1, 0, 0, 0), CAPOS_OK);
    }
    CHECK(ranges.root->height <= 9);
    compare();
}

TEST(ranges_that_are_not_valid_are_told) {
    start();
    static const uint64_t invalid[][2] = {
        {LOW, 0},
        {LOW, 1},
        {LOW + 1, PAGE},
        {LOW - PAGE, PAGE},
        {LOW - PAGE, 2 * PAGE},
        {HIGH, PAGE},
        {HIGH - PAGE, 2 * PAGE},
        {LOW, HIGH - LOW + PAGE},
        {0, PAGE},
        {UINT64_MAX - PAGE + 1, PAGE},
        {LOW, UINT64_MAX - PAGE + 1},
        {HIGH - PAGE, UINT64_MAX - HIGH + 2 * PAGE + 1},
        {UINT64_MAX - PAGE + 1, UINT64_MAX - PAGE + 1},
    };
    CHECK_EQUAL(insert(0, PAGES, 1, 0, 0), CAPOS_OK);
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        struct address_pool spare = take_pool(2);
        uint64_t at = invalid[i][0], size = invalid[i][1];
        CHECK(!address_ranges_is_valid(&ranges, at, size));
        spare.first->start = at;
        spare.first->size = size;
        CHECK_ASSERTS((void)address_ranges_insert(&ranges, spare.first));
        CHECK_ASSERTS((void)address_ranges_set(&ranges, at, size, 2, 0, &spare));
        CHECK_ASSERTS((void)address_ranges_remove(&ranges, at, size, &spare));
        give_back_pool(&spare);
        compare();
    }
    CHECK(address_ranges_is_valid(&ranges, LOW, HIGH - LOW));
}

TEST(find_free_refuses_what_cannot_fit) {
    start();
    uint64_t found = 1;
    static const uint64_t invalid[][2] = {
        {0, PAGE}, {PAGE + 1, PAGE}, {PAGE, 0}, {PAGE, PAGE / 2}, {PAGE, 3 * PAGE}, {1, PAGE},
    };
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        CHECK_EQUAL(address_ranges_find_free(&ranges, 0, invalid[i][0], invalid[i][1], &found),
                    CAPOS_E_INVALID_ARGUMENT);
    }
    static const uint64_t too_large[][3] = {
        {0, HIGH - LOW, PAGE},
        {0, HIGH - LOW - PAGE, PAGE},
        {0, UINT64_MAX - PAGE + 1, PAGE},
        {0, PAGE, UINT64_C(1) << 63},
        {UINT64_MAX, PAGE, PAGE},
        {HIGH, PAGE, PAGE},
        {HIGH - PAGE, PAGE, PAGE},
    };
    for (size_t i = 0; i < sizeof too_large / sizeof too_large[0]; i++) {
        CHECK_EQUAL(address_ranges_find_free(&ranges, too_large[i][0], too_large[i][1],
                                             too_large[i][2], &found),
                    CAPOS_E_NOT_FOUND);
    }
    CHECK_EQUAL(found, 1);
    CHECK_EQUAL(address_ranges_find_free(&ranges, 0, HIGH - LOW - 2 * PAGE, PAGE, &found),
                CAPOS_OK);
    CHECK_EQUAL(found, LOW + PAGE);
    CHECK_EQUAL(address_ranges_find_free(&ranges, HIGH - 2 * PAGE, PAGE, PAGE, &found), CAPOS_OK);
    CHECK_EQUAL(found, HIGH - 2 * PAGE);
}

TEST(parts_of_one_mapping_merge_again_and_strangers_do_not) {
    start();
    CHECK_EQUAL(insert(0, 10, 1, 3, 0), CAPOS_OK);
    CHECK_EQUAL(insert(10, 10, 1, 3, 0), CAPOS_OK);
    CHECK_EQUAL(change(true, 2, 3, 1, 1, 2), CAPOS_OK);
    CHECK_EQUAL(ranges.count, 4);
    CHECK_EQUAL(change(true, 2, 3, 1, 3, 0), CAPOS_OK);
    CHECK_EQUAL(ranges.count, 4); /* the whole of a range waits */
    CHECK_EQUAL(change(true, 2, 3, 1, 1, 0), CAPOS_OK);
    CHECK_EQUAL(change(true, 2, 3, 1, 3, 0), CAPOS_OK);
    CHECK_EQUAL(change(true, 12, 3, 1, 1, 2), CAPOS_OK);
    CHECK_EQUAL(ranges.count, 4); /* for a change elsewhere */
    CHECK_EQUAL(change(true, 12, 3, 1, 3, 0), CAPOS_OK);
    address_ranges_merge(&ranges, &unused);
    CHECK_EQUAL(ranges.count, 2);
    CHECK_EQUAL(change(true, 0, 20, 2, 1, 0), CAPOS_OK);
    CHECK_EQUAL(ranges.count, 2);
    compare();
}

/* What a program does with the pages of one mapping: the tree must be right whichever of the nodes
 * is above the other. */
TEST(splits_and_merges_at_every_border) {
    for (uint64_t others = 0; others < 24; others++) {
        start();
        for (uint64_t i = 0; i < others; i++) {
            CHECK_EQUAL(insert(i < 12 ? 2 * i : 64 + 2 * i, 1, 1, 0, i), CAPOS_OK);
        }
        CHECK_EQUAL(insert(32, 16, 1, 3, 0), CAPOS_OK);
        for (uint64_t first = 32; first < 48; first++) {
            for (uint64_t count = 1; first + count <= 48; count++) {
                uint32_t needed = (uint32_t)(first > 32) + (uint32_t)(first + count < 48);
                CHECK_EQUAL(change(true, first, count, ADDRESS_KIND_KEEP, 1, needed), CAPOS_OK);
                CHECK_EQUAL(ranges.count, others + 1 + needed);
                compare();
                CHECK_EQUAL(change(true, first, count, ADDRESS_KIND_KEEP, 3, 0), CAPOS_OK);
                CHECK_EQUAL(ranges.count, others + 1 + needed);
                compare();
                address_ranges_merge(&ranges, &unused);
                CHECK_EQUAL(ranges.count, others + 1);
                compare();
            }
        }
    }
}

TEST(broken_tree_is_caught) {
    start();
    for (uint64_t i = 0; i < 20; i += 2) {
        CHECK_EQUAL(insert(i, 1, 1, 0, 0), CAPOS_OK);
    }
    ranges.root->gap_max++;
    CHECK_ASSERTS(address_ranges_check(&ranges));
    ranges.root->gap_max--;
    address_ranges_check(&ranges);
    ranges.count++;
    CHECK_ASSERTS(address_ranges_check(&ranges));
    ranges.count--;
    struct address_range *first = address_ranges_find_from(&ranges, 0), *second = first->next;
    first->next = second->next;
    CHECK_ASSERTS(address_ranges_check(&ranges));
    first->next = second;
    second->next->previous = first;
    CHECK_ASSERTS(address_ranges_check(&ranges));
}
