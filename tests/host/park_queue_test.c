#include "core/park_queue.h"

#include <stddef.h>

#include "tests/host/test.h"

enum {
    BUCKETS = 8, /* few, so that keys collide */
    WAITERS = 200,
    SPACES = 3,
    WORDS = 12,
    GENERATIONS = 3,
    STEPS = 150000,
};

static struct park_queue queue;
static struct park_bucket buckets[BUCKETS];
static struct park_index indices[SPACES];
static struct park_waiter waiters[WAITERS];

/* What is known of a waiter without the code under test: a list, in order of arrival at its key. */
static struct reference {
    bool queued;
    uint64_t arrival;
    struct park_key key;
    uint64_t space, address;
} reference[WAITERS];
static uint64_t arrivals;

static void start(void) {
    park_queue_init(&queue, buckets, BUCKETS, test_random());
    for (int i = 0; i < SPACES; i++) {
        park_index_init(&indices[i], test_random());
    }
    for (int i = 0; i < WAITERS; i++) {
        park_waiter_init(&waiters[i]);
    }
    memset(reference, 0, sizeof reference);
    arrivals = 0;
}

static void check(void) {
    uint32_t count, pending, queued = 0;
    park_queue_check(&queue, &count, &pending);
    CHECK_EQUAL(pending, 0);
    for (int i = 0; i < SPACES; i++) {
        park_index_check(&indices[i]);
        queued += indices[i].count;
    }
    CHECK_EQUAL(count, queued);
}

static void insert(int i, uint64_t space, struct park_key key, uint64_t address) {
    park_queue_announce(&queue, &key);
    CHECK(!park_queue_is_idle(&queue, &key));
    park_queue_insert(&queue, &indices[space], &waiters[i], &key, address);
    reference[i] = (struct reference){true, arrivals++, key, space, address};
}

static void remove_waiter(int i) {
    park_queue_remove(&queue, &indices[reference[i].space], &waiters[i]);
    reference[i].queued = false;
    CHECK_EQUAL(park_waiter_bucket(&waiters[i]), PARK_BUCKET_NONE);
}

static bool is_same(struct park_key left, struct park_key right) {
    return left.owner == right.owner && left.generation == right.generation &&
           left.offset == right.offset;
}

/* The first waiter of a key, by looking at all of them. */
static struct park_waiter *reference_find(struct park_key key) {
    int first = -1;
    for (int i = 0; i < WAITERS; i++) {
        if (reference[i].queued && is_same(reference[i].key, key) &&
            (first < 0 || reference[i].arrival < reference[first].arrival)) {
            first = i;
        }
    }
    return first < 0 ? NULL : &waiters[first];
}

static struct park_waiter *reference_first(uint64_t space, uint64_t low, uint64_t high) {
    int first = -1;
    for (int i = 0; i < WAITERS; i++) {
        const struct reference *it = &reference[i];
        if (it->queued && it->space == space && it->address >= low && it->address < high &&
            (first < 0 || it->address < reference[first].address ||
             (it->address == reference[first].address && it->arrival < reference[first].arrival))) {
            first = i;
        }
    }
    return first < 0 ? NULL : &waiters[first];
}

static struct park_waiter *find(struct park_key key) {
    return park_queue_find(&queue, &key);
}

TEST(empty_queue_is_idle) {
    start();
    struct park_key key = park_key_private(&queue, 1, 1, 0x1000);
    CHECK(park_queue_is_idle(&queue, &key));
    CHECK(find(key) == NULL);
    CHECK(park_index_first(&indices[0], 0, UINT64_MAX) == NULL);
    CHECK_EQUAL(park_waiter_bucket(&waiters[0]), PARK_BUCKET_NONE);
    check();
}

TEST(announcement_is_seen_until_retracted) {
    start();
    struct park_key key = park_key_private(&queue, 1, 1, 0x1000);
    park_queue_announce(&queue, &key);
    CHECK(!park_queue_is_idle(&queue, &key));
    CHECK(find(key) == NULL);
    uint32_t count, pending;
    park_queue_check(&queue, &count, &pending);
    CHECK_EQUAL(pending, 1);
    park_queue_retract(&queue, &key);
    CHECK(park_queue_is_idle(&queue, &key));
    check();
}

TEST(waiters_of_a_key_are_woken_in_order) {
    start();
    struct park_key key = park_key_private(&queue, 1, 1, 0x1000),
                    other = park_key_private(&queue, 1, 1, 0x1004);
    for (int i = 0; i < WAITERS; i++) {
        insert(i, 0, i % 2 ? key : other, i % 2 ? 0x1000 : 0x1004);
    }
    for (int i = 1; i < WAITERS; i += 2) {
        CHECK(find(key) == &waiters[i]);
        remove_waiter(i);
        check();
    }
    CHECK(find(key) == NULL);
    CHECK(find(other) == &waiters[0]);
}

TEST(keys_differ_in_each_part) {
    start();
    const struct park_key keys[] = {
        park_key_private(&queue, 1, 1, 0x1000), park_key_private(&queue, 2, 1, 0x1000),
        park_key_private(&queue, 1, 2, 0x1000), park_key_private(&queue, 1, 1, 0x1004),
        park_key_shared(&queue, 1, 1, 0x1000),
    };
    for (int i = 0; i < 5; i++) {
        insert(i, 0, keys[i], keys[i].offset);
    }
    for (int i = 0; i < 5; i++) {
        CHECK(find(keys[i]) == &waiters[i]);
    }
    CHECK_EQUAL(park_queue_bucket(&queue, &keys[0]), park_queue_bucket(&queue, &keys[2]));
}

/* Two processes, two addresses, one word. */
TEST(shared_word_stands_at_any_address) {
    start();
    struct park_key key = park_key_shared(&queue, 7, 1, 0x40);
    insert(0, 0, key, 0x1040);
    insert(1, 1, key, 0x9040);
    CHECK(park_index_first(&indices[0], 0x1000, 0x2000) == &waiters[0]);
    CHECK(park_index_first(&indices[1], 0x9000, 0xa000) == &waiters[1]);
    CHECK(park_index_first(&indices[1], 0x1000, 0x2000) == NULL);
    CHECK(find(key) == &waiters[0]);
    remove_waiter(0);
    CHECK(find(key) == &waiters[1]);
    check();
}

TEST(range_ends_before_high) {
    start();
    for (int i = 0; i < 4; i++) {
        uint64_t address = 0xffc + (uint64_t)i * 0x1004;
        insert(i, 0, park_key_private(&queue, 1, 1, address & ~UINT64_C(3)),
               address & ~UINT64_C(3));
    }
    insert(4, 0, park_key_private(&queue, 1, 1, 0x1000), 0x1000);
    insert(5, 0, park_key_private(&queue, 1, 1, 0x1ffc), 0x1ffc);
    CHECK(park_index_first(&indices[0], 0x1000, 0x2000) == &waiters[4]);
    remove_waiter(4);
    CHECK(park_index_first(&indices[0], 0x1000, 0x2000) == &waiters[5]);
    CHECK(park_index_first(&indices[0], 0x1000, 0x1ffc) == NULL);
    check();
}

TEST(misuse_is_caught) {
    struct park_key key = park_key_private(&queue, 1, 1, 0x1000);
    start();
    CHECK_ASSERTS(park_queue_insert(&queue, &indices[0], &waiters[0], &key, 0x1000));
    start();
    insert(0, 0, key, 0x1000);
    park_queue_announce(&queue, &key);
    CHECK_ASSERTS(park_queue_insert(&queue, &indices[0], &waiters[0], &key, 0x1000));
    start();
    CHECK_ASSERTS(park_queue_remove(&queue, &indices[0], &waiters[0]));
    start();
    CHECK_ASSERTS(park_queue_retract(&queue, &key));
    start();
    struct park_key shared = park_key_shared(&queue, 1, 1, 0x1000);
    insert(0, 0, shared, 0x1000);
    CHECK_ASSERTS(park_queue_requeue(&queue, &indices[0], &waiters[0], &key));
    CHECK_ASSERTS(park_key_private(&queue, 1, 1, 0x1002));
}

TEST(walkers_see_disorder) {
    uint32_t count, pending;
    struct park_key key = park_key_private(&queue, 1, 1, 0x1000);
    start();
    for (int i = 0; i < 10; i++) {
        uint64_t address = 0x1000 + (uint64_t)i * 4;
        insert(i, 0, park_key_private(&queue, 1, 1, address), address);
    }
    check();
    waiters[3].address = 0x2000;
    CHECK_ASSERTS(park_index_check(&indices[0]));
    CHECK_ASSERTS(park_queue_check(&queue, &count, &pending));
    start();
    insert(0, 0, key, 0x1000);
    insert(1, 0, key, 0x1000);
    waiters[1].key.generation++;
    CHECK_ASSERTS(park_queue_check(&queue, &count, &pending));
    start();
    insert(0, 0, key, 0x1000);
    buckets[park_queue_bucket(&queue, &key)].count++;
    CHECK_ASSERTS(park_queue_check(&queue, &count, &pending));
}

/* A program that lays its words out evenly does not fill one bucket. */
TEST(even_words_spread_over_the_buckets) {
    enum { MANY = 256, KEYS = 4096 };
    static struct park_bucket many[MANY];
    static uint32_t hits[MANY];
    for (unsigned stride = 2; stride < 24; stride++) {
        park_queue_init(&queue, many, MANY, test_random());
        memset(hits, 0, sizeof hits);
        for (uint64_t i = 0; i < KEYS; i++) {
            struct park_key key =
                park_key_private(&queue, 3, 1, UINT64_C(0x100000000) + (i << stride));
            hits[park_queue_bucket(&queue, &key)]++;
        }
        for (int i = 0; i < MANY; i++) {
            CHECK(hits[i] < 4 * KEYS / MANY);
        }
    }
}

/* ---- random operations against the list -------------------------------------------------------
 */

static uint64_t random_address(void) {
    return 0x1000 + test_random_below(WORDS) * 4 * 300;
}

/* Space n has the id n + 1, and so has object n: they must not be mixed up. A private key's space
 * follows from the key; a shared one's is chosen by the caller. */
static struct park_key random_key(void) {
    uint64_t id = 1 + test_random_below(SPACES), generation = 1 + test_random_below(GENERATIONS);
    return test_random_below(4) != 0 ? park_key_private(&queue, id, generation, random_address())
                                     : park_key_shared(&queue, id, generation, random_address());
}

static void step_insert(void) {
    int i = (int)test_random_below(WAITERS);
    struct park_key key = random_key();
    uint64_t space = key.owner / 2 - 1, address = key.offset;
    if (reference[i].queued) {
        return;
    }
    if (key.owner % 2 != 0) {
        space = test_random_below(SPACES);
        address = random_address();
    }
    insert(i, space, key, address);
}

static void step_wake(void) {
    struct park_key key = random_key();
    uint64_t most = test_random_below(4);
    struct park_waiter *waiter;
    while (most-- > 0 && (waiter = find(key)) != NULL) {
        CHECK(waiter == reference_find(key));
        remove_waiter((int)(waiter - waiters));
    }
    CHECK(find(key) == reference_find(key));
    CHECK(find(key) == NULL || !park_queue_is_idle(&queue, &key));
}

static void step_remove(void) {
    int i = (int)test_random_below(WAITERS);
    CHECK_EQUAL(park_waiter_bucket(&waiters[i]) != PARK_BUCKET_NONE, reference[i].queued);
    if (reference[i].queued) {
        CHECK_EQUAL(park_waiter_bucket(&waiters[i]), park_queue_bucket(&queue, &reference[i].key));
        remove_waiter(i);
    }
}

static void step_requeue(void) {
    struct park_key from = random_key(), to = random_key();
    if (from.owner % 2 != 0) {
        return;
    }
    to = park_key_private(&queue, from.owner / 2, to.generation, to.offset);
    uint64_t most = test_random_below(5);
    struct park_waiter *waiter;
    while (most-- > 0 && (waiter = find(from)) != NULL) {
        CHECK(waiter == reference_find(from));
        struct reference *it = &reference[waiter - waiters];
        park_queue_requeue(&queue, &indices[it->space], waiter, &to);
        it->key = to;
        it->address = to.offset;
        it->arrival = arrivals++;
    }
}

static void step_drain_range(void) {
    uint64_t space = test_random_below(SPACES);
    uint64_t low = random_address(), high = low + test_random_below(4) * 4 * 300;
    struct park_waiter *waiter;
    do {
        waiter = park_index_first(&indices[space], low, high);
        CHECK(waiter == reference_first(space, low, high));
        if (waiter != NULL) {
            remove_waiter((int)(waiter - waiters));
        }
    } while (waiter != NULL);
}

static void step_drain_owner(void) {
    struct park_key key = random_key();
    for (uint32_t bucket = 0; bucket < BUCKETS; bucket++) {
        struct park_waiter *waiter;
        while ((waiter = park_queue_find_owner(&queue, bucket, key.owner, key.generation)) !=
               NULL) {
            CHECK_EQUAL(waiter->key.owner, key.owner);
            CHECK(waiter->key.generation < key.generation);
            remove_waiter((int)(waiter - waiters));
        }
    }
    for (int i = 0; i < WAITERS; i++) {
        CHECK(!reference[i].queued || reference[i].key.owner != key.owner ||
              reference[i].key.generation >= key.generation);
    }
}

static void compare(void) {
    struct park_key key = random_key();
    uint64_t space = test_random_below(SPACES), low = random_address();
    uint32_t queued = 0, count = 0;
    for (int i = 0; i < WAITERS; i++) {
        queued += reference[i].queued;
    }
    for (int i = 0; i < SPACES; i++) {
        count += indices[i].count;
    }
    CHECK_EQUAL(count, queued);
    CHECK(find(key) == reference_find(key));
    CHECK(park_index_first(&indices[space], low, low + 5000) ==
          reference_first(space, low, low + 5000));
    check();
}

TEST(random_operations_agree_with_a_list) {
    start();
    uint64_t most = 0;
    for (int step = 0; step < STEPS; step++) {
        switch (test_random_below(24)) {
        case 0:
            step_drain_range();
            break;
        case 1:
            step_drain_owner();
            break;
        case 2:
        case 3:
            step_requeue();
            break;
        case 4:
        case 5:
            step_remove();
            break;
        case 6:
        case 7:
        case 8:
        case 9:
            step_wake();
            break;
        default:
            step_insert();
            break;
        }
        compare();
        uint64_t queued = indices[0].count + indices[1].count + indices[2].count;
        most = queued > most ? queued : most;
    }
    CHECK(most > 40 && most <= WAITERS);
    for (int i = 0; i < WAITERS; i++) {
        if (reference[i].queued) {
            remove_waiter(i);
        }
    }
    check();
}

/* A tree of waiters in order of address is not a list: walks stay short. */
TEST(index_stays_flat) {
    enum { MANY = 4096 };
    static struct park_waiter many[MANY];
    start();
    for (int i = 0; i < MANY; i++) {
        struct park_key key = park_key_private(&queue, 1, 1, (uint64_t)i * 4);
        park_waiter_init(&many[i]);
        park_queue_announce(&queue, &key);
        park_queue_insert(&queue, &indices[0], &many[i], &key, key.offset);
    }
    int deepest = 0;
    for (int i = 0; i < MANY; i++) {
        int depth = 0;
        for (struct park_waiter *node = &many[i]; node->parent != NULL; node = node->parent) {
            depth++;
        }
        deepest = depth > deepest ? depth : deepest;
    }
    CHECK(deepest < 60); /* 2.5 times log2 of 4096 is usual */
    park_index_check(&indices[0]);
}
