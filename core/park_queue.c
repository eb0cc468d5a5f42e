/*
 * The index is a treap (Seidel and Aragon 1996): a search tree by address whose nodes are a heap by
 * a random priority, and so of expected logarithmic height. Several waiters may have one address:
 * the tree's order is told by left and right alone, never by a second comparison.
 */
#include "core/park_queue.h"

#include <stddef.h>

#include "core/assert.h"

static inline bool is_same_key(const struct park_key *left, const struct park_key *right) {
    return left->offset == right->offset && left->generation == right->generation &&
           left->owner == right->owner;
}

/* ---- the index ---------------------------------------------------------------------------- */

/* The upper half of a linear congruential generator (Knuth's MMIX). */
static uint32_t next_priority(struct park_index *index) {
    index->random = index->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(index->random >> 32);
}

/* Puts `replacement` (or nothing) where `node` hangs. */
static inline void replace(struct park_index *index, struct park_waiter *node,
                           struct park_waiter *replacement) {
    struct park_waiter *parent = node->parent;
    if (parent == NULL) {
        index->root = replacement;
    } else if (parent->left == node) {
        parent->left = replacement;
    } else {
        parent->right = replacement;
    }
    if (replacement != NULL) {
        replacement->parent = parent;
    }
}

/* Lifts a node above its parent. */
static void rotate_up(struct park_index *index, struct park_waiter *node) {
    struct park_waiter *parent = node->parent;
    struct park_waiter *moved = parent->left == node ? node->right : node->left;
    replace(index, parent, node);
    if (parent->left == node) {
        node->right = parent;
        parent->left = moved;
    } else {
        node->left = parent;
        parent->right = moved;
    }
    parent->parent = node;
    if (moved != NULL) {
        moved->parent = parent;
    }
}

void park_index_remove(struct park_index *index, struct park_waiter *waiter) {
    if (waiter->address == 0) {
        return;
    }
    ASSERT(index->count > 0);
    ASSERT(waiter->parent != NULL || index->root == waiter);
    while (waiter->left != NULL && waiter->right != NULL) {
        bool is_left = waiter->left->priority < waiter->right->priority;
        rotate_up(index, is_left ? waiter->left : waiter->right);
    }
    replace(index, waiter, waiter->left != NULL ? waiter->left : waiter->right);
    __atomic_store_n(&waiter->address, 0, __ATOMIC_RELAXED);
    index->count--;
}

void park_index_put(struct park_index *index, struct park_waiter *waiter, uint64_t address) {
    ASSERT(address != 0);
    park_index_remove(index, waiter);
    struct park_waiter *parent = NULL;
    struct park_waiter **link = &index->root;
    while (*link != NULL) {
        parent = *link;
        link = address < parent->address ? &parent->left : &parent->right;
    }
    *link = waiter;
    waiter->parent = parent;
    waiter->left = waiter->right = NULL;
    __atomic_store_n(&waiter->address, address, __ATOMIC_RELAXED);
    waiter->priority = next_priority(index);
    while (waiter->parent != NULL && waiter->parent->priority > waiter->priority) {
        rotate_up(index, waiter);
    }
    index->count++;
}

struct park_waiter *park_index_first(const struct park_index *index, uint64_t low, uint64_t high) {
    struct park_waiter *first = NULL;
    for (struct park_waiter *node = index->root; node != NULL;) {
        if (node->address >= low) {
            first = node;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return first != NULL && first->address < high ? first : NULL;
}

/* ---- the buckets -------------------------------------------------------------------------- */

static struct park_bucket *bucket_of(const struct park_queue *queue, const struct park_key *key) {
    return &queue->buckets[key->bucket];
}

static inline struct park_waiter *find_leader(const struct park_bucket *bucket,
                                              const struct park_key *key) {
    struct park_waiter *leader = bucket->keys;
    while (leader != NULL && !is_same_key(&leader->key, key)) {
        leader = leader->next_key;
    }
    return leader;
}

static inline void add_leader(struct park_bucket *bucket, struct park_waiter *leader) {
    leader->previous_key = NULL;
    leader->next_key = bucket->keys;
    if (leader->next_key != NULL) {
        leader->next_key->previous_key = leader;
    }
    bucket->keys = leader;
}

static inline bool is_leader(const struct park_bucket *bucket, const struct park_waiter *waiter) {
    return waiter->previous_key != NULL || bucket->keys == waiter;
}

/* The successor leads in its place; without one the key goes. */
static inline void replace_leader(struct park_bucket *bucket, struct park_waiter *leader,
                                  struct park_waiter *successor) {
    struct park_waiter *next = leader->next_key;
    if (successor != NULL) {
        successor->previous_key = leader->previous_key;
        successor->next_key = next;
        next = successor;
    }
    if (leader->previous_key != NULL) {
        leader->previous_key->next_key = next;
    } else {
        bucket->keys = next;
    }
    if (leader->next_key != NULL) {
        leader->next_key->previous_key = successor != NULL ? successor : leader->previous_key;
    }
}

static inline void bucket_insert(struct park_bucket *bucket, struct park_waiter *waiter,
                                 const struct park_key *key) {
    struct park_waiter *leader = find_leader(bucket, key);
    waiter->key = *key;
    waiter->next_key = waiter->previous_key = NULL;
    if (leader == NULL) {
        waiter->next = waiter->previous = waiter;
        add_leader(bucket, waiter);
    } else {
        waiter->next = leader;
        waiter->previous = leader->previous;
        waiter->previous->next = waiter;
        leader->previous = waiter;
    }
    bucket->count++;
}

static inline void bucket_remove(struct park_bucket *bucket, struct park_waiter *waiter) {
    ASSERT_SLOW(bucket->count > 0);
    if (is_leader(bucket, waiter)) {
        replace_leader(bucket, waiter, waiter->next != waiter ? waiter->next : NULL);
    }
    waiter->next->previous = waiter->previous;
    waiter->previous->next = waiter->next;
    bucket->count--;
}

void park_queue_init(struct park_queue *queue, struct park_bucket *buckets, uint32_t bucket_count,
                     uint64_t seed) {
    ASSERT(bucket_count != 0 && (bucket_count & (bucket_count - 1)) == 0);
    ASSERT(bucket_count <= UINT32_C(1) << 30);
    *queue = (struct park_queue){.buckets = buckets, .bucket_mask = bucket_count - 1, .seed = seed};
    for (uint32_t i = 0; i < bucket_count; i++) {
        atomic_init(&buckets[i].announced, 0);
        buckets[i].count = 0;
        buckets[i].keys = NULL;
    }
}

void park_index_init(struct park_index *index, uint64_t seed) {
    *index = (struct park_index){.random = seed};
}

uint32_t park_waiter_lock(const struct park_queue *queue, const struct park_waiter *waiter,
                          uint64_t space_id) {
    uint32_t number = park_waiter_bucket(waiter);
    if (number != PARK_BUCKET_NONE) {
        return number;
    }
    struct park_key key = park_key_private(queue, space_id, 0, waiter->address);
    return key.bucket;
}

inline void park_queue_insert(struct park_queue *queue, struct park_waiter *waiter,
                              const struct park_key *key) {
    struct park_bucket *bucket = bucket_of(queue, key);
    ASSERT_SLOW(park_waiter_bucket(waiter) == PARK_BUCKET_NONE);
    ASSERT_SLOW((key->owner & PARK_OWNER_IS_OBJECT) != 0 ? waiter->address != 0
                                                         : waiter->address == key->offset);
    ASSERT_SLOW(atomic_load_explicit(&bucket->announced, memory_order_relaxed) > bucket->count);
    bucket_insert(bucket, waiter, key);
    atomic_store_explicit(&waiter->bucket, key->bucket, memory_order_release);
}

inline struct park_waiter *park_queue_find(const struct park_queue *queue,
                                           const struct park_key *key) {
    return find_leader(bucket_of(queue, key), key);
}

struct park_waiter *park_queue_find_owner(const struct park_queue *queue, uint32_t bucket,
                                          uint64_t owner, uint64_t generation) {
    ASSERT(bucket <= queue->bucket_mask);
    struct park_waiter *leader = queue->buckets[bucket].keys;
    while (leader != NULL && (leader->key.owner != owner || leader->key.generation >= generation)) {
        leader = leader->next_key;
    }
    return leader;
}

inline void park_queue_remove(struct park_queue *queue, struct park_waiter *waiter) {
    uint32_t number = park_waiter_bucket(waiter);
    ASSERT_SLOW(number <= queue->bucket_mask);
    struct park_bucket *bucket = &queue->buckets[number];
    bucket_remove(bucket, waiter);
    /* release: pairs with park_waiter_bucket. Last, since whoever claimed the waiter's operation
     * may use the record again from here on. */
    atomic_store_explicit(&waiter->bucket, PARK_BUCKET_NONE, memory_order_release);
    park_bucket_retract(bucket);
}

void park_queue_requeue(struct park_queue *queue, struct park_index *index,
                        struct park_waiter *waiter, const struct park_key *key) {
    uint32_t number = park_waiter_bucket(waiter);
    ASSERT(number <= queue->bucket_mask);
    ASSERT(key->owner == waiter->key.owner && (key->owner & PARK_OWNER_IS_OBJECT) == 0);
    struct park_bucket *source = &queue->buckets[number];
    struct park_bucket *target = bucket_of(queue, key);
    park_bucket_announce(target);
    bucket_remove(source, waiter);
    bucket_insert(target, waiter, key);
    park_index_put(index, waiter, key->offset);
    atomic_store_explicit(&waiter->bucket, key->bucket, memory_order_release);
    park_bucket_retract(source);
}

/* ---- the walkers -------------------------------------------------------------------------- */

/* The waiters of one key; returns their number. */
static uint32_t check_key(const struct park_queue *queue, uint32_t number,
                          const struct park_waiter *leader, uint32_t limit) {
    uint32_t count = 0;
    const struct park_waiter *waiter = leader;
    do {
        count++;
        ASSERT(count <= limit);
        ASSERT(waiter->next->previous == waiter && waiter->previous->next == waiter);
        ASSERT(park_waiter_bucket(waiter) == number);
        ASSERT(is_same_key(&waiter->key, &leader->key));
        ASSERT(waiter == leader || (waiter->next_key == NULL && waiter->previous_key == NULL));
        /* Who drains takes the place away first. */
        ASSERT((waiter->key.owner & PARK_OWNER_IS_OBJECT) != 0 || waiter->address == 0 ||
               waiter->address == waiter->key.offset);
        waiter = waiter->next;
    } while (waiter != leader);
    ASSERT(leader->key.bucket == number);
    return count;
}

static void check_bucket(const struct park_queue *queue, uint32_t number) {
    const struct park_bucket *bucket = &queue->buckets[number];
    uint32_t count = 0;
    const struct park_waiter *previous = NULL;
    for (const struct park_waiter *leader = bucket->keys; leader != NULL;
         leader = leader->next_key) {
        ASSERT(leader->previous_key == previous);
        ASSERT(find_leader(bucket, &leader->key) == leader); /* no key stands twice */
        count += check_key(queue, number, leader, bucket->count - count);
        previous = leader;
    }
    ASSERT(count == bucket->count);
    ASSERT(atomic_load_explicit(&bucket->announced, memory_order_relaxed) >= count);
}

void park_queue_check(const struct park_queue *queue, uint32_t *count_out, uint32_t *pending_out) {
    uint32_t count = 0, announced = 0;
    for (uint32_t number = 0; number <= queue->bucket_mask; number++) {
        const struct park_bucket *bucket = &queue->buckets[number];
        check_bucket(queue, number);
        count += bucket->count;
        announced += atomic_load_explicit(&bucket->announced, memory_order_relaxed);
    }
    *count_out = count;
    *pending_out = announced - count;
}

static const struct park_waiter *leftmost(const struct park_waiter *node) {
    while (node != NULL && node->left != NULL) {
        node = node->left;
    }
    return node;
}

static const struct park_waiter *next_in_order(const struct park_waiter *node) {
    if (node->right != NULL) {
        return leftmost(node->right);
    }
    while (node->parent != NULL && node->parent->right == node) {
        node = node->parent;
    }
    return node->parent;
}

void park_index_check(const struct park_index *index) {
    uint32_t count = 0;
    uint64_t low = 0;
    ASSERT(index->root == NULL || index->root->parent == NULL);
    for (const struct park_waiter *node = leftmost(index->root); node != NULL;
         node = next_in_order(node)) {
        count++;
        ASSERT(count <= index->count);
        ASSERT(node->address >= low && node->address != 0);
        ASSERT(node->left == NULL ||
               (node->left->parent == node && node->left->priority >= node->priority));
        ASSERT(node->right == NULL ||
               (node->right->parent == node && node->right->priority >= node->priority));
        low = node->address;
    }
    ASSERT(count == index->count);
}
