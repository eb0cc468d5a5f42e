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
    uint64_t space, place; /* place 0: none */
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
    uint32_t count, pending, queued = 0, places = 0, places_wanted = 0;
    park_queue_check(&queue, &count, &pending);
    CHECK_EQUAL(pending, 0);
    for (int i = 0; i < SPACES; i++) {
        park_index_check(&indices[i]);
        places += indices[i].count;
    }
    for (int i = 0; i < WAITERS; i++) {
        queued += reference[i].queued;
        places_wanted += reference[i].place != 0;
        CHECK_EQUAL(park_waiter_place(&waiters[i]), reference[i].place);
    }
    CHECK_EQUAL(count, queued);
    CHECK_EQUAL(places, places_wanted);
}

static void take_place(int i, uint64_t space, uint64_t address) {
    if (reference[i].place != 0 && reference[i].space != space) { /* a record has one space */
        park_index_remove(&indices[reference[i].space], &waiters[i]);
    }
    park_index_put(&indices[space], &waiters[i], address);
    reference[i].space = space;
    reference[i].place = address;
}

static void leave_place(int i) {
    park_index_remove(&indices[reference[i].space], &waiters[i]);
    reference[i].place = 0;
}

static void insert(int i, uint64_t space, struct park_key key, uint64_t address) {
    if (reference[i].place != address || reference[i].space != space) {
        take_place(i, space, address);
    }
    park_queue_announce(&queue, &key);
    CHECK(!park_queue_is_idle(&queue, &key));
    park_queue_insert(&queue, &waiters[i], &key);
    reference[i] = (struct reference){true, arrivals++, key, space, address};
}

static void remove_waiter(int i) {
    park_queue_remove(&queue, &waiters[i]);
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

/* The lowest place in the range, or 0. */
static uint64_t reference_first(uint64_t space, uint64_t low, uint64_t high) {
    uint64_t first = 0;
    for (int i = 0; i < WAITERS; i++) {
        const struct reference *it = &reference[i];
        if (it->place != 0 && it->space == space && it->place >= low && it->place < high &&
            (first == 0 || it->place < first)) {
            first = it->place;
        }
    }
    return first;
}

static uint64_t first_place(uint64_t space, uint64_t low, uint64_t high) {
    const struct park_waiter *waiter = park_index_first(&indices[space], low, high);
    return waiter == NULL ? 0 : park_waiter_place(waiter);
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
    CHECK_EQUAL(keys[0].bucket, keys[2].bucket);
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
    CHECK(park_index_first(&indices[0], 0x1000, 0x2000) == &waiters[4]);
    leave_place(4);
    CHECK(park_index_first(&indices[0], 0x1000, 0x2000) == &waiters[5]);
    CHECK(park_index_first(&indices[0], 0x1000, 0x1ffc) == NULL);
    check();
}

/* A place stays until it is given up; meanwhile it leads to the bucket where its waiter is, or
 * would be on a private word. */
TEST(place_outlasts_the_wait) {
    enum { SPACE_ID = 1 };
    start();
    struct park_key private = park_key_private(&queue, SPACE_ID, 1, 0x1000),
                    shared = park_key_shared(&queue, 7, 1, 0x40);
    uint32_t private_bucket = private.bucket;
    for (int i = 0; i < 2; i++) {
        struct park_key key = i == 0 ? private : shared;
        insert(0, 0, key, 0x1000);
        CHECK_EQUAL(park_waiter_lock(&queue, &waiters[0], SPACE_ID), key.bucket);
        remove_waiter(0);
        CHECK_EQUAL(park_waiter_place(&waiters[0]), 0x1000);
        CHECK_EQUAL(park_waiter_lock(&queue, &waiters[0], SPACE_ID), private_bucket);
        CHECK(park_index_first(&indices[0], 0x1000, 0x1001) == &waiters[0]);
        check();
    }
    leave_place(0);
    CHECK(park_index_first(&indices[0], 0, UINT64_MAX) == NULL);
    leave_place(0);
    check();
}

TEST(misuse_is_caught) {
    struct park_key key = park_key_private(&queue, 1, 1, 0x1000);
    start();
    take_place(0, 0, 0x1000);
    CHECK_ASSERTS(park_queue_insert(&queue, &waiters[0], &key)); /* not announced */
    start();
    take_place(0, 0, 0x1004);
    park_queue_announce(&queue, &key);
    CHECK_ASSERTS(park_queue_insert(&queue, &waiters[0], &key)); /* its place is elsewhere */
    start();
    insert(0, 0, key, 0x1000);
    park_queue_announce(&queue, &key);
    CHECK_ASSERTS(park_queue_insert(&queue, &waiters[0], &key));
    start();
    CHECK_ASSERTS(park_queue_remove(&queue, &waiters[0]));
    start();
    CHECK_ASSERTS(park_index_put(&indices[0], &waiters[0], 0));
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
    buckets[key.bucket].count++;
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
            hits[key.bucket]++;
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
        CHECK_EQUAL(park_waiter_bucket(&waiters[i]), reference[i].key.bucket);
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
        it->place = to.offset;
        it->arrival = arrivals++;
    }
}

static void step_leave(void) {
    int i = (int)test_random_below(WAITERS);
    if (!reference[i].queued) {
        leave_place(i);
    }
}

static void step_drain_range(void) {
    uint64_t space = test_random_below(SPACES);
    uint64_t low = random_address(), high = low + test_random_below(4) * 4 * 300;
    uint64_t place;
    do {
        place = first_place(space, low, high);
        CHECK_EQUAL(place, reference_first(space, low, high));
        if (place != 0) {
            struct park_waiter *waiter = park_index_first(&indices[space], low, high);
            uint32_t bucket = park_waiter_bucket(waiter);
            struct park_key key = park_key_private(&queue, space + 1, 1, place);
            CHECK_EQUAL(park_waiter_lock(&queue, waiter, space + 1),
                        bucket != PARK_BUCKET_NONE ? bucket : key.bucket);
            if (bucket != PARK_BUCKET_NONE) {
                remove_waiter((int)(waiter - waiters));
            }
            leave_place((int)(waiter - waiters));
        }
    } while (place != 0);
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
    CHECK(find(key) == reference_find(key));
    CHECK_EQUAL(first_place(space, low, low + 5000), reference_first(space, low, low + 5000));
    check();
}

TEST(random_operations_agree_with_a_list) {
    start();
    uint32_t most = 0;
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
            step_leave();
            break;
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
        uint32_t count, pending;
        park_queue_check(&queue, &count, &pending);
        most = count > most ? count : most;
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
        park_waiter_init(&many[i]);
        park_index_put(&indices[0], &many[i], (uint64_t)(i + 1) * 4);
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
