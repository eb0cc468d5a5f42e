#pragma once
/*
 * Who waits on which word: waiters by key, first come first served, and by address in their space.
 *
 * The queue is a table of buckets, found by hashing the key: what wakes goes there. The index is a
 * tree per address space, ordered by address: what takes memory away goes there, and visits exactly
 * the waiters of its range. A waiter has its place in the index before it is queued and keeps it
 * when it is woken, since threads park on the same words again and again: whoever parks where its
 * place is by now need not touch the tree. A place is lost with the memory under it, and given up
 * with the waiter's record.
 * The caller claims a waiter's operation; this file knows nothing of results.
 *
 * Rules
 * - Nothing is allocated: waiters are part of the operation's record, buckets are the caller's.
 * - Each bucket has a lock; it guards the bucket and, in the waiters queued there, all that is not
 *   said to be the index's. Each index has a lock; it guards the tree. What names a queue's waiter
 *   needs its bucket's lock, what names an index needs the index's lock.
 * - Lock order: mapping lock of the space -> buckets, lower number first -> index. An index's lock
 *   is the last; nothing is taken under it. Two indices are never locked at once.
 * - PARK: under the mapping lock, from the look at region and generation on: the waiter takes its
 *   place, if it has another; lock the bucket, park_queue_announce, read the word; insert, or
 *   retract. So the check and the insertion are one step for UNPARK (bucket) and for all that takes
 *   memory away (mapping lock). The generation of a memory object is read under the bucket's lock.
 *   The operation is armed after the insertion and under the bucket's lock: a deadline that fired
 *   before would find the waiter in no bucket and give the record back.
 * - PARK on a private word where the waiter has its place needs no mapping lock, if something that
 *   draining unsets first says, under the bucket's lock, that the memory is still as it was: who
 *   drains passes through that lock because of the place, before the memory goes.
 * - UNPARK: park_queue_is_idle without a lock: nobody waits. Else lock the bucket; until enough are
 *   woken, park_queue_find the first, claim its operation, remove it, whether or not the claim was
 *   won; only who was claimed counts, and only that one may be touched afterwards.
 * - A deadline, CANCEL or the thread's end claims first and then takes the waiter out:
 *   park_waiter_bucket without a lock; none means that somebody else took it out; else lock that
 *   bucket and look again, since a requeue may have moved it, then remove. The record may be used
 *   again as soon as park_waiter_bucket has said none.
 * - Draining a range [low, high), with the mapping lock held, in the critical section that takes
 *   the pages away: lock the index, park_index_first, remember park_waiter_lock and not the waiter,
 *   unlock the index; lock that bucket, then the index, and look for the first once more. If this
 *   bucket is still its own, take its place away and, if it is queued, claim and remove it as
 *   UNPARK does; in any case start over until there is none. It ends, since nobody takes a place in
 *   the space without the mapping lock.
 * - Draining an object: its generation is raised first; then, bucket after bucket under its lock,
 *   park_queue_find_owner. Who parks later sees the new generation under the bucket's lock. It
 *   looks at every bucket: it is for revocation and the object's end.
 * - Requeue is for private keys of one space, under the mapping lock and both buckets' locks: a
 *   shared word may stand at any address, or none, in the space of who waits on it.
 * - Keys hash with the caller's seed, so that a program cannot choose words that collide. The
 *   generation is not hashed: a bucket can be found, and locked, before it is known.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/assert.h"

/* What a waiter waits on. Made by the two functions below. */
struct park_key {
    uint64_t owner;      /* id of the space or object, times two; odd for an object */
    uint64_t generation; /* of the region, or of the object */
    uint64_t offset;     /* address of the word, or its offset in the object: 4-aligned */
    uint32_t bucket;     /* from a hash of owner and offset; the generation does not matter */
};

#define PARK_BUCKET_NONE UINT32_MAX

struct park_waiter {
    struct park_key key;
    /* The waiters of one key are a ring; the first to be woken leads it and stands in the bucket's
     * list of keys. */
    struct park_waiter *next, *previous;
    struct park_waiter *next_key, *previous_key; /* of a leader */
    /* What is above means nothing while it is not queued; what follows stays. */
    _Atomic uint32_t bucket; /* number of the bucket, or PARK_BUCKET_NONE: not queued */
    /* The index's. */
    uint32_t priority;
    struct park_waiter *left, *right, *parent;
    uint64_t address; /* of its place; 0: none */
};

/* One of the table. */
struct park_bucket {
    _Atomic uint32_t announced; /* waiters queued here, or about to be: read without the lock */
    uint32_t count;             /* waiters queued here */
    struct park_waiter *keys;   /* leaders, linked by next_key */
};

struct park_queue {
    struct park_bucket *buckets;
    uint32_t bucket_mask;
    uint64_t seed;
};

/* The places of the waiters of one address space. */
struct park_index {
    struct park_waiter *root;
    uint32_t count;
    uint64_t random; /* state of the generator of priorities */
};

#define PARK_ID_MAX (UINT64_MAX >> 1)
#define PARK_OWNER_IS_OBJECT UINT64_C(1)

/* Multiply and fold (as in wyhash, Wang Yi 2019); what the secret seed multiplies is never 0. */
static inline struct park_key park_key_of(const struct park_queue *queue, uint64_t owner,
                                          uint64_t generation, uint64_t offset) {
    ASSERT_SLOW(offset % sizeof(uint32_t) == 0);
    unsigned __int128 product =
        (unsigned __int128)(owner ^ queue->seed) * (offset ^ UINT64_C(0xa0761d6478bd642f));
    uint32_t hash = (uint32_t)product ^ (uint32_t)(product >> 64);
    return (struct park_key){owner, generation, offset, hash & queue->bucket_mask};
}

static inline struct park_key park_key_private(const struct park_queue *queue, uint64_t space_id,
                                               uint64_t generation, uint64_t address) {
    ASSERT_SLOW(space_id <= PARK_ID_MAX);
    return park_key_of(queue, space_id << 1, generation, address);
}

static inline struct park_key park_key_shared(const struct park_queue *queue, uint64_t object_id,
                                              uint64_t generation, uint64_t offset) {
    ASSERT_SLOW(object_id <= PARK_ID_MAX);
    return park_key_of(queue, object_id << 1 | PARK_OWNER_IS_OBJECT, generation, offset);
}

/* bucket_count is a power of two below 2^31; seed is random. */
void park_queue_init(struct park_queue *queue, struct park_bucket *buckets, uint32_t bucket_count,
                     uint64_t seed);
void park_index_init(struct park_index *index, uint64_t seed);
/* Once, before all else: in no bucket and without a place. */
static inline void park_waiter_init(struct park_waiter *waiter) {
    atomic_init(&waiter->bucket, PARK_BUCKET_NONE);
    waiter->address = 0;
}
/* Where its place is, or 0. Only the owner of the record may ask without the index's lock: only it
 * takes places. */
static inline uint64_t park_waiter_place(const struct park_waiter *waiter) {
    return __atomic_load_n(&waiter->address, __ATOMIC_RELAXED);
}

/* No lock. True when nobody waits in the bucket of the key, nor checks a word to do so, who might
 * not see what the caller's program wrote before. */
static inline bool park_queue_is_idle(const struct park_queue *queue, const struct park_key *key) {
    const struct park_bucket *bucket = &queue->buckets[key->bucket];
    /* seq_cst: pairs with park_queue_announce. The program's store to the word comes before this
     * load, or the announcement before it and the load of the word by who parks after it: one of
     * the two sees the other. */
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load_explicit(&bucket->announced, memory_order_relaxed) == 0;
}

/* Counts one who waits here, or is about to. */
static inline void park_bucket_announce(struct park_bucket *bucket) {
    /* seq_cst: pairs with the fence in park_queue_is_idle; the word is read after it. */
    (void)atomic_fetch_add_explicit(&bucket->announced, 1, memory_order_seq_cst);
}
static inline void park_bucket_retract(struct park_bucket *bucket) {
    ASSERT_SLOW(atomic_load_explicit(&bucket->announced, memory_order_relaxed) > bucket->count);
    /* relaxed: who still sees it takes the lock and finds nobody. */
    (void)atomic_fetch_sub_explicit(&bucket->announced, 1, memory_order_relaxed);
}

/* Before the word is read, under the lock of the key's bucket; insert uses it up, retract takes it
 * back. */
static inline void park_queue_announce(struct park_queue *queue, const struct park_key *key) {
    park_bucket_announce(&queue->buckets[key->bucket]);
}
static inline void park_queue_retract(struct park_queue *queue, const struct park_key *key) {
    park_bucket_retract(&queue->buckets[key->bucket]);
}

/* Gives a waiter that is not queued its place, which is not 0, or another one. O(log n). */
void park_index_put(struct park_index *index, struct park_waiter *waiter, uint64_t address);
/* Takes its place away, if it has one. */
void park_index_remove(struct park_index *index, struct park_waiter *waiter);

/* Puts the waiter behind all others of its key. It has its place, which for a private key is the
 * key's address. Announced before. */
void park_queue_insert(struct park_queue *queue, struct park_waiter *waiter,
                       const struct park_key *key);

/* The waiter of this very key that came first, or NULL. Costs the number of keys in the bucket. */
struct park_waiter *park_queue_find(const struct park_queue *queue, const struct park_key *key);

/* A waiter in this bucket whose key has this owner (as in a key) and a generation below
 * `generation`, or NULL. */
struct park_waiter *park_queue_find_owner(const struct park_queue *queue, uint32_t bucket,
                                          uint64_t owner, uint64_t generation);

/* Takes a queued waiter out. It is not touched after its bucket says none. */
void park_queue_remove(struct park_queue *queue, struct park_waiter *waiter);

/* Puts a queued waiter behind all of another key, where its place is from now on; both are private
 * keys of this index's space. */
void park_queue_requeue(struct park_queue *queue, struct park_index *index,
                        struct park_waiter *waiter, const struct park_key *key);

/* The bucket of a waiter, or PARK_BUCKET_NONE. No lock: it may change at once, but once none, it
 * stays so until the waiter is inserted again. */
static inline uint32_t park_waiter_bucket(const struct park_waiter *waiter) {
    /* acquire: pairs with the release in park_queue_remove, after which its owner may use it. */
    return atomic_load_explicit(&waiter->bucket, memory_order_acquire);
}

/* A waiter with the lowest place in [low, high), or NULL. O(log n). */
struct park_waiter *park_index_first(const struct park_index *index, uint64_t low, uint64_t high);

/* The bucket whose lock keeps a waiter that has a place from being queued, or from being taken out:
 * where it is, or else where the private word of its place belongs. Under the index's lock. (Who
 * parks on a shared word is kept away by the mapping lock.) */
uint32_t park_waiter_lock(const struct park_queue *queue, const struct park_waiter *waiter,
                          uint64_t space_id);

/* Walk everything and assert the invariants: the buckets with all their locks, an index with its
 * own. Announcements that are not used up are counted into *pending_out. */
void park_queue_check(const struct park_queue *queue, uint32_t *count_out, uint32_t *pending_out);
void park_index_check(const struct park_index *index);
