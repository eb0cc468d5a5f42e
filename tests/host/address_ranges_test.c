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
static struct address_range pool[POOL];
static struct address_range *unused; /* linked by right */
static uint32_t unused_count;

static void give_back(struct address_range *list) {
    while (list != NULL) {
        struct address_range *next = list->right;
        memset(list, 0xaa, sizeof *list); /* whoever still uses it will be noticed */
        list->right = unused;
        unused = list;
        unused_count++;
        list = next;
    }
}

static struct address_range *take(void) {
    struct address_range *node = unused;
    CHECK(node != NULL);
    unused = node->right;
    unused_count--;
    return node;
}

static void start(void) {
    address_ranges_init(&ranges, LOW, HIGH);
    memset(pages, 0, sizeof pages);
    unused = NULL;
    unused_count = 0;
    for (int i = 0; i < POOL; i++) {
        pool[i].right = NULL;
        give_back(&pool[i]);
    }
}

static bool pages_are_equal(const struct page *left, const struct page *right) {
    return left->kind == right->kind && left->protection == right->protection &&
           left->tag == right->tag && left->generation == right->generation;
}

/* Every page is in a range that says what it should, and holes are holes. */
static void compare(void) {
    address_ranges_check(&ranges);
    CHECK_EQUAL(unused_count + ranges.count, POOL);
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
        node->right = NULL;
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
    struct address_range *spare[2] = {spares > 0 ? take() : NULL, spares > 1 ? take() : NULL};
    struct address_range *freed = &pool[0];
    uint64_t start_address = LOW + first * PAGE;
    status_t status =
        is_set ? address_ranges_set(&ranges, start_address, count * PAGE, kind, protection, spare,
                                    &freed)
               : address_ranges_remove(&ranges, start_address, count * PAGE, spare, &freed);
    for (int i = 0; i < 2; i++) {
        if (spare[i] != NULL) {
            spare[i]->right = NULL;
            give_back(spare[i]);
        }
    }
    CHECK(status == CAPOS_OK || freed == NULL);
    give_back(freed);
    for (uint64_t i = first; status == CAPOS_OK && i < first + count; i++) {
        if (is_set) {
            pages[i].kind = kind;
            pages[i].protection = protection;
        } else {
            pages[i] = (struct page){0};
        }
    }
    return status;
}

static bool is_inside_equal_pages(uint64_t left) {
    return pages_are_equal(&pages[left], &pages[left + 1]) && pages[left].kind != 0;
}

/* The spares that a change needs: one for each of its edges that lies inside a range. */
static uint32_t splits(bool is_set, uint64_t first, uint64_t count, uint32_t kind,
                       uint32_t protection) {
    uint64_t last = first + count - 1;
    bool low = first > 0 && is_inside_equal_pages(first - 1);
    bool high = last < PAGES - 1 && is_inside_equal_pages(last);
    if (is_set) {
        low &= pages[first].kind != kind || pages[first].protection != protection;
        high &= pages[last].kind != kind || pages[last].protection != protection;
        return (uint32_t)low + (uint32_t)high;
    }
    const struct address_range *range = address_ranges_find(&ranges, LOW + first * PAGE);
    bool is_middle = low && high && range->start + range->size > LOW + (last + 1) * PAGE;
    return is_middle;
}

static void step_insert(uint64_t first, uint64_t count) {
    bool is_free = count_kind(first, count, 0) == count;
    CHECK(address_ranges_is_free(&ranges, LOW + first * PAGE, count * PAGE) == is_free);
    status_t status = insert(first, count, 1 + (uint32_t)test_random_below(3),
                             (uint32_t)test_random_below(3), test_random_below(2));
    CHECK_EQUAL(status, is_free ? CAPOS_OK : CAPOS_E_EXISTS);
}

static void step_change(bool is_set, uint64_t first, uint64_t count) {
    uint32_t kind = 1 + (uint32_t)test_random_below(3);
    uint32_t protection = (uint32_t)test_random_below(3);
    uint32_t spares = (uint32_t)test_random_below(3);
    uint32_t needed = splits(is_set, first, count, kind, protection);
    bool has_hole = is_set && count_kind(first, count, 0) != 0;
    status_t status = change(is_set, first, count, kind, protection, spares);
    if (has_hole) {
        CHECK_EQUAL(status, CAPOS_E_BAD_ADDRESS);
    } else {
        CHECK_EQUAL(status, spares < needed ? CAPOS_E_TOO_LARGE : CAPOS_OK);
    }
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

TEST(ranges_that_are_not_valid_are_refused) {
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
        struct address_range *spare[2] = {take(), take()}, *freed = NULL;
        uint64_t at = invalid[i][0], size = invalid[i][1];
        CHECK(!address_ranges_is_valid(&ranges, at, size));
        spare[0]->start = at;
        spare[0]->size = size;
        CHECK_EQUAL(address_ranges_insert(&ranges, spare[0]), CAPOS_E_INVALID_ARGUMENT);
        CHECK_EQUAL(address_ranges_set(&ranges, at, size, 2, 0, spare, &freed),
                    CAPOS_E_INVALID_ARGUMENT);
        CHECK_EQUAL(address_ranges_remove(&ranges, at, size, spare, &freed),
                    CAPOS_E_INVALID_ARGUMENT);
        for (int j = 0; j < 2; j++) {
            spare[j]->right = NULL;
            give_back(spare[j]);
        }
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
    CHECK_EQUAL(ranges.count, 2);
    CHECK_EQUAL(change(true, 0, 20, 2, 1, 0), CAPOS_OK);
    CHECK_EQUAL(ranges.count, 2);
    compare();
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
}
