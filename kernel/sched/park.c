#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/cap/entropy.h"
#include "kernel/debug/log.h"
#include "kernel/mm/frame.h"
#include "kernel/sched/park_parts.h"
#include "kernel/sched/process.h"
#include "park_space.h"
#include "shared_park_space.h"

#define BUCKETS 1024u
/* Waiters that one critical section takes out; between two, interrupts may come in. */
#define WAKE_STEP 64u

struct spinlock *park_locks;
struct park_queue park_queue = {.bucket_mask = BUCKETS - 1};
static struct park_bucket *buckets;

void park_init(void) {
    const size_t lock_frames = BUCKETS * sizeof(struct spinlock) / PAGE_SIZE;
    const size_t bucket_frames = BUCKETS * sizeof(struct park_bucket) / PAGE_SIZE;
    paddr_t frames = frame_alloc_contiguous(lock_frames + bucket_frames);
    if (paddr_is_none(frames)) {
        panic("no memory for those who park");
    }
    park_locks = direct_map(frames);
    buckets = direct_map(paddr(frames.value + lock_frames * PAGE_SIZE));
    for (uint32_t i = 0; i < BUCKETS; i++) {
        spinlock_init(&park_locks[i]);
    }
    uint64_t seed;
    entropy_fill(&seed, sizeof seed);
    park_queue_init(&park_queue, buckets, BUCKETS, seed);
}
_Static_assert(BUCKETS * sizeof(struct spinlock) % PAGE_SIZE == 0, "whole frames");
_Static_assert(BUCKETS * sizeof(struct park_bucket) % PAGE_SIZE == 0, "whole frames");

static struct operation *operation_of(struct park_waiter *waiter) {
    return container_of(waiter, struct operation, waiter);
}

/* Takes a queued waiter out, under its bucket's lock. Its operation is ours to complete; NULL when
 * somebody else is completing it. */
static inline struct operation *take_out(struct park_waiter *waiter) {
    struct operation *operation = operation_of(waiter);
    bool is_ours = operation_claim(operation);
    park_queue_remove(&park_queue, waiter);
    return is_ours ? operation : NULL;
}

void park_take_out(struct park_waiter *waiter, struct operation_list *claimed) {
    struct operation *operation = take_out(waiter);
    if (operation != NULL) {
        operation_list_append(claimed, operation);
    }
}

/* A deadline, CANCEL or the thread's end has claimed the operation. */
static void unlink_waiter(struct operation *operation) {
    struct park_waiter *waiter = &operation->waiter;
    uint32_t number;
    while ((number = park_waiter_bucket(waiter)) != PARK_BUCKET_NONE) {
        spinlock_lock(&park_locks[number]);
        if (park_waiter_bucket(waiter) == number) { /* a requeue may have moved it */
            park_queue_remove(&park_queue, waiter);
        }
        spinlock_unlock(&park_locks[number]);
    }
}

void park_leave(struct operation *operation) {
    struct space *space = operation->space;
    if (park_waiter_place(&operation->waiter) != 0) {
        spinlock_lock(&space->parked_lock);
        park_index_remove(&space->parked, &operation->waiter);
        spinlock_unlock(&space->parked_lock);
    }
}

/* ---- keys ------------------------------------------------------------------------------------ */

static status_t look_up_kind(struct thread *thread, uint64_t capability, enum park_kind *kind) {
    struct process *process = thread->process;
    uint32_t changes = __atomic_load_n(&process->captable.changes, __ATOMIC_RELAXED);
    struct captable_slot *slot = captable_lookup(&process->captable, capability);
    if (slot == NULL) {
        return CAPOS_E_BAD_CAPABILITY;
    }
    /* Only compared, never followed: another thread may give the capability up just now. */
    const void *interface = __atomic_load_n(&slot->interface, __ATOMIC_RELAXED);
    const void *object = __atomic_load_n(&slot->object, __ATOMIC_RELAXED);
    *kind = interface == &shared_park_space_interface ? PARK_SHARED : PARK_PRIVATE;
    if (*kind == PARK_PRIVATE && interface != &park_space_interface) {
        return CAPOS_E_WRONG_INTERFACE;
    }
    if (*kind == PARK_PRIVATE && object != &process->park) {
        return CAPOS_E_NOT_PERMITTED;
    }
    slot->used = 1;
    if (*kind == PARK_PRIVATE) {
        thread->park_capability = capability;
        thread->park_changes = changes;
    }
    return CAPOS_OK;
}

static inline status_t find_kind(struct thread *thread, uint64_t capability, enum park_kind *kind) {
    uint32_t changes = __atomic_load_n(&thread->process->captable.changes, __ATOMIC_RELAXED);
    if (capability == thread->park_capability && changes == thread->park_changes) {
        *kind = PARK_PRIVATE;
        return CAPOS_OK;
    }
    return look_up_kind(thread, capability, kind);
}

status_t park_find_key(struct space *space, enum park_kind kind, uint64_t address,
                       struct park_key *key) {
    if (kind == PARK_SHARED) {
        uint64_t object_id, generation, offset;
        if (!space_object_at(space, address, &object_id, &generation, &offset)) {
            return CAPOS_E_BAD_ADDRESS;
        }
        *key = park_key_shared(&park_queue, object_id, generation, offset);
        return CAPOS_OK;
    }
    const struct address_range *range = address_ranges_find(&space->ranges, address);
    if (range == NULL) {
        return CAPOS_E_BAD_ADDRESS;
    }
    *key = park_key_private(&park_queue, space->id, range->generation, address);
    return CAPOS_OK;
}

/* A word and the generation of its region as they were at some time during the call, without
 * space->lock. What *word names may be gone; see park_again. */
static inline bool recall(const struct space *space, uint64_t address, struct word_place *place) {
    return word_pages_find(&space->words, address, place) && word_place_is_current(place);
}

/* The word, and its key for private parking. Under space->lock. */
static status_t find_word(struct space *space, uint64_t address, const uint32_t **word,
                          struct park_key *key) {
    struct word_place place;
    if (!recall(space, address, &place)) {
        status_t status;
        place.word = space_word_locked(space, address, &status);
        if (place.word == NULL) {
            return status;
        }
        place.generation = address_ranges_find(&space->ranges, address)->generation;
        word_pages_remember(&space->words, address, place.word, place.generation);
    }
    *word = place.word;
    *key = park_key_private(&park_queue, space->id, place.generation, address);
    return CAPOS_OK;
}

/* ---- PARK ------------------------------------------------------------------------------------ */

/* Check and insertion, one step for whoever wakes: announced, and under the bucket's lock. The
 * operation is prepared and charged for, and its waiter has its place. PARK_PENDING: the waiter is
 * queued and armed, or complete by now. */
static inline status_t insert_if_expected(struct operation *operation, const struct park_key *key,
                                          const uint32_t *word, uint32_t expected) {
    if (park_read_word(word) != expected) {
        return CAPOS_E_VALUE_CHANGED;
    }
    if (operation->has_deadline && operation->deadline_ns <= clock_now_ns()) {
        return CAPOS_E_TIMED_OUT;
    }
    operation->unlink = unlink_waiter;
    park_queue_insert(&park_queue, &operation->waiter, key);
    operation_arm(operation);
    return PARK_PENDING;
}

/* The same under space->lock. */
static status_t insert_waiter(struct operation *operation, const struct park_key *key,
                              uint64_t address, const uint32_t *word, uint32_t expected) {
    struct space *space = operation->space;
    struct spinlock *lock = &park_locks[key->bucket];
    if (park_waiter_place(&operation->waiter) != address) {
        spinlock_lock(&space->parked_lock);
        park_index_put(&space->parked, &operation->waiter, address);
        spinlock_unlock(&space->parked_lock);
    }
    spinlock_lock(lock);
    park_queue_announce(&park_queue, key);
    status_t status = insert_if_expected(operation, key, word, expected);
    if (status != PARK_PENDING) {
        park_queue_retract(&park_queue, key);
    }
    spinlock_unlock(lock);
    return status;
}

/* Under space->lock. */
static status_t park_locked(struct operation *operation, enum park_kind kind, uint64_t address,
                            uint32_t expected) {
    struct park_key key;
    const uint32_t *word;
    status_t status = find_word(operation->space, address, &word, &key);
    if (status != CAPOS_OK) {
        return status;
    }
    if (park_read_word(word) != expected) {
        return CAPOS_E_VALUE_CHANGED;
    }
    if (kind == PARK_SHARED) {
        status = park_find_key(operation->space, kind, address, &key);
    }
    if (status == CAPOS_OK) {
        status = operation_charge(operation);
    }
    if (status == CAPOS_OK) {
        status = insert_waiter(operation, &key, address, word, expected);
        if (status != PARK_PENDING) {
            operation_refund(operation);
        }
    }
    return status;
}

/*
 * What happens most: the register form, on the private word where the thread parked last, without
 * space->lock. Whoever takes its page away, or its frame, forgets it, and then comes for the lock
 * of this bucket because our place leads there (park_drain_range, park_forget_page): so the page is
 * as it was remembered, until we let go. False when that does not serve; nothing has happened then.
 */
static inline bool park_again(struct operation *operation, uint64_t address, uint32_t expected,
                              status_t *status) {
    struct space *space = operation->space;
    if (operation->kind != OPERATION_REGISTER || park_waiter_place(&operation->waiter) != address) {
        return false;
    }
    struct park_key key = park_key_private(&park_queue, space->id, 0, address);
    struct spinlock *lock = &park_locks[key.bucket];
    struct word_place place;
    bool is_known;
    *status = CAPOS_OK;
    spinlock_lock(lock);
    park_queue_announce(&park_queue, &key);
    is_known = park_waiter_place(&operation->waiter) == address && recall(space, address, &place);
    if (is_known) {
        key.generation = place.generation;
        *status = insert_if_expected(operation, &key, place.word, expected);
    }
    if (*status != PARK_PENDING) {
        park_queue_retract(&park_queue, &key);
    }
    spinlock_unlock(lock);
    return is_known;
}

/* True when the word has another value, without any lock. */
static inline bool has_changed(struct space *space, uint64_t address, uint32_t expected) {
    struct word_place place;
    return word_pages_find(&space->words, address, &place) &&
           park_read_word(place.word) != expected && word_place_is_current(&place);
}

inline status_t park_wait(struct thread *thread, uint64_t capability, uint64_t address,
                          uint64_t expected, struct operation *operation) {
    struct space *space = &thread->process->space;
    enum park_kind kind;
    status_t status = find_kind(thread, capability, &kind);
    if (status != CAPOS_OK) {
        return status;
    }
    if (!park_is_word(address)) {
        return CAPOS_E_BAD_ADDRESS;
    }
    if (expected > UINT32_MAX) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    if (kind == PARK_PRIVATE && park_again(operation, address, (uint32_t)expected, &status)) {
        return status;
    }
    if (kind == PARK_PRIVATE && has_changed(space, address, (uint32_t)expected)) {
        return CAPOS_E_VALUE_CHANGED;
    }
    spinlock_lock(&space->lock);
    status = park_locked(operation, kind, address, (uint32_t)expected);
    spinlock_unlock(&space->lock);
    return status;
}

/* ---- UNPARK ---------------------------------------------------------------------------------- */

struct wake {
    struct space *space;
    enum park_kind kind;
    uint64_t address;
    uint64_t left; /* to be woken at most */
};

/* The key under which those wait who are to be woken. If the memory goes after that look, so do
 * they. */
static status_t find_wake_key(const struct wake *wake, struct park_key *key) {
    struct space *space = wake->space;
    struct word_place place;
    if (wake->kind == PARK_PRIVATE && recall(space, wake->address, &place)) {
        *key = park_key_private(&park_queue, space->id, place.generation, wake->address);
        return CAPOS_OK;
    }
    spinlock_lock(&space->lock);
    status_t status = park_find_key(space, wake->kind, wake->address, key);
    spinlock_unlock(&space->lock);
    return status;
}

/* One step. *present_out: waiters of the bucket, of this word and others. */
static status_t wake_step(const struct wake *wake, struct operation_list *claimed,
                          uint64_t *present_out) {
    struct park_key key;
    status_t status = find_wake_key(wake, &key);
    if (status != CAPOS_OK) {
        return status;
    }
    uint32_t number = key.bucket;
    uint64_t most = wake->left < WAKE_STEP ? wake->left : WAKE_STEP;
    struct park_waiter *waiter;
    spinlock_lock(&park_locks[number]);
    *present_out = buckets[number].count;
    while (claimed->count < most && (waiter = park_queue_find(&park_queue, &key)) != NULL) {
        park_take_out(waiter, claimed);
    }
    spinlock_unlock(&park_locks[number]);
    return CAPOS_OK;
}

/* In steps, and no more than were there when it began: those who come back at once do not keep it
 * busy for ever. */
static status_t wake_waiters(struct wake *wake, uint64_t *woken_out) {
    *woken_out = 0;
    for (bool is_first = true; wake->left > 0; is_first = false) {
        struct operation_list claimed;
        operation_list_init(&claimed);
        uint64_t present = 0;
        status_t status = wake_step(wake, &claimed, &present);
        operation_list_complete(&claimed, CAPOS_OK);
        if (status != CAPOS_OK) {
            return is_first ? status : CAPOS_OK;
        }
        if (is_first && present < wake->left) {
            wake->left = present;
        }
        *woken_out += claimed.count;
        if (claimed.count < WAKE_STEP) {
            break;
        }
        wake->left -= claimed.count;
        cpu_interrupt_window();
    }
    return CAPOS_OK;
}

/* What happens most: one of those who wait privately on a word of a page that is remembered. False
 * when it is not; the key is whole but for its generation. */
static inline bool wake_one(struct space *space, struct park_key *key, uint64_t *woken_out) {
    struct word_place place;
    if (!recall(space, key->offset, &place)) {
        return false;
    }
    key->generation = place.generation;
    struct spinlock *lock = &park_locks[key->bucket];
    struct operation *operation = NULL;
    struct park_waiter *waiter;
    spinlock_lock(lock);
    while (operation == NULL && (waiter = park_queue_find(&park_queue, key)) != NULL) {
        operation = take_out(waiter);
    }
    spinlock_unlock(lock);
    if (operation != NULL) {
        operation_complete_wait(operation);
        *woken_out = 1;
    }
    return true;
}

inline struct park_reply park_wake(struct thread *thread, uint64_t capability, uint64_t address,
                                   uint64_t count) {
    enum park_kind kind;
    struct space *space = &thread->process->space;
    struct park_reply reply = {0, 0};
    status_t status = find_kind(thread, capability, &kind);
    if (status != CAPOS_OK || !park_is_word(address)) {
        reply.result = status != CAPOS_OK ? status : CAPOS_E_BAD_ADDRESS;
        return reply;
    }
    if (kind == PARK_PRIVATE) {
        /* The bucket of a private word is known without its region. */
        struct park_key key = park_key_private(&park_queue, space->id, 0, address);
        if (park_queue_is_idle(&park_queue, &key) ||
            (count == 1 && wake_one(space, &key, &reply.woken))) {
            return reply;
        }
    }
    struct wake wake = {space, kind, address, count};
    reply.result = wake_waiters(&wake, &reply.woken);
    return reply;
}

void park_wake_all(struct process *process, uint64_t address) {
    struct wake wake = {&process->space, PARK_PRIVATE, address, UINT64_MAX};
    uint64_t woken;
    (void)wake_waiters(&wake, &woken);
}
