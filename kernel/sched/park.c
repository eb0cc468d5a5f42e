#include "kernel/sched/park.h"

#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/cap/entropy.h"
#include "kernel/debug/log.h"
#include "kernel/mm/frame.h"
#include "kernel/sched/process.h"
#include "park_space.h"
#include "shared_park_space.h"

#define BUCKETS 1024u
/* Waiters that one critical section takes out; between two, interrupts may come in. */
#define WAKE_STEP 64u

static struct spinlock *bucket_locks; /* each guards the bucket of the same number */
static struct park_bucket *buckets;
static struct park_queue queue;

void park_init(void) {
    const size_t lock_frames = BUCKETS * sizeof(struct spinlock) / PAGE_SIZE;
    const size_t bucket_frames = BUCKETS * sizeof(struct park_bucket) / PAGE_SIZE;
    paddr_t frames = frame_alloc_contiguous(lock_frames + bucket_frames);
    if (paddr_is_none(frames)) {
        panic("no memory for those who park");
    }
    bucket_locks = direct_map(frames);
    buckets = direct_map(paddr(frames.value + lock_frames * PAGE_SIZE));
    for (uint32_t i = 0; i < BUCKETS; i++) {
        spinlock_init(&bucket_locks[i]);
    }
    uint64_t seed;
    entropy_fill(&seed, sizeof seed);
    park_queue_init(&queue, buckets, BUCKETS, seed);
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
    struct space *space = operation->space;
    bool is_ours = operation_claim(operation);
    spinlock_lock(&space->parked_lock);
    park_queue_remove(&queue, &space->parked, waiter);
    spinlock_unlock(&space->parked_lock);
    return is_ours ? operation : NULL;
}

/* What was taken out, to be completed when no lock is held any more. */
struct claimed {
    struct operation *first, **last;
    uint64_t count;
};

static void take_out_for_later(struct park_waiter *waiter, struct claimed *claimed) {
    struct operation *operation = take_out(waiter);
    if (operation != NULL) {
        operation->next = NULL;
        *claimed->last = operation;
        claimed->last = &operation->next;
        claimed->count++;
    }
}

static void complete_claimed(struct claimed *claimed, status_t status) {
    struct operation *operation = claimed->first;
    while (operation != NULL) {
        struct operation *next = operation->next;
        operation_complete(operation, status, 0);
        operation = next;
    }
}

/* A deadline, CANCEL or the thread's end has claimed the operation. */
static void unlink_waiter(struct operation *operation) {
    struct park_waiter *waiter = &operation->waiter;
    struct space *space = operation->space;
    uint32_t number;
    while ((number = park_waiter_bucket(waiter)) != PARK_BUCKET_NONE) {
        spinlock_lock(&bucket_locks[number]);
        bool is_here = park_waiter_bucket(waiter) == number; /* a requeue may have moved it */
        if (is_here) {
            spinlock_lock(&space->parked_lock);
            park_queue_remove(&queue, &space->parked, waiter);
            spinlock_unlock(&space->parked_lock);
        }
        spinlock_unlock(&bucket_locks[number]);
    }
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* How a capability lets its holder park. */
enum park_kind { PARK_PRIVATE, PARK_SHARED };

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

static bool is_word(uint64_t address) {
    return address % sizeof(uint32_t) == 0 && address >= USER_LOW && address < USER_HIGH;
}

/* The key of a word, under space->lock. */
static status_t find_key(struct space *space, enum park_kind kind, uint64_t address,
                         struct park_key *key) {
    if (kind == PARK_SHARED) {
        uint64_t object_id, generation, offset;
        if (!space_object_at(space, address, &object_id, &generation, &offset)) {
            return CAPOS_E_BAD_ADDRESS;
        }
        *key = park_key_shared(&queue, object_id, generation, offset);
        return CAPOS_OK;
    }
    const struct address_range *range = address_ranges_find(&space->ranges, address);
    if (range == NULL) {
        return CAPOS_E_BAD_ADDRESS;
    }
    *key = park_key_private(&queue, space->id, range->generation, address);
    return CAPOS_OK;
}

/*
 * Words are parked on again and again, so a space remembers where the last ones were. It forgets
 * them when memory is taken away: park_drain_range is called then, whoever does it; and when a page
 * gets another frame.
 */
static struct space_word_page *remembered(struct space *space, uint64_t address) {
    return &space->word_pages[address / PAGE_SIZE % SPACE_WORD_PAGES];
}

static void forget(struct space_word_page *page) {
    atomic_store_explicit(&page->address, 0, memory_order_release);
}

/* The generation of the region of an address, without a lock: that of some time during the call.
 * False when its page is not remembered. */
static inline bool recall_generation(struct space *space, uint64_t address, uint64_t *generation) {
    const struct space_word_page *page = remembered(space, address);
    uint64_t wanted = align_down(address, PAGE_SIZE);
    /* acquire: pairs with the release in find_word; what is read is whole when the page is the same
     * before and after. */
    if (atomic_load_explicit(&page->address, memory_order_acquire) != wanted) {
        return false;
    }
    *generation = __atomic_load_n(&page->generation, __ATOMIC_ACQUIRE);
    return atomic_load_explicit(&page->address, memory_order_relaxed) == wanted;
}

/* The word, and its key for private parking. Under space->lock. */
static status_t find_word(struct space *space, uint64_t address, const uint32_t **word,
                          struct park_key *key) {
    struct space_word_page *page = remembered(space, address);
    if (atomic_load_explicit(&page->address, memory_order_relaxed) !=
        align_down(address, PAGE_SIZE)) {
        status_t status;
        *word = space_word_locked(space, address, &status);
        if (*word == NULL) {
            return status;
        }
        const struct address_range *range = address_ranges_find(&space->ranges, address);
        forget(page);
        page->memory = (const uint8_t *)*word - address % PAGE_SIZE;
        __atomic_store_n(&page->generation, range->generation, __ATOMIC_RELAXED);
        /* release: pairs with the acquire in recall_generation */
        atomic_store_explicit(&page->address, align_down(address, PAGE_SIZE), memory_order_release);
    }
    *word = (const uint32_t *)(const void *)(page->memory + address % PAGE_SIZE);
    *key = park_key_private(&queue, space->id, page->generation, address);
    return CAPOS_OK;
}

/* ---- PARK ------------------------------------------------------------------------------------ */

static uint32_t read_word(const uint32_t *word) {
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* Check and insertion, one step for whoever wakes. Under space->lock, the operation prepared and
 * charged for. PARK_PENDING: the waiter is queued and armed, or complete by now. */
static inline status_t insert_waiter(struct operation *operation, const struct park_key *key,
                                     uint64_t address, const uint32_t *word, uint32_t expected) {
    struct space *space = operation->space;
    struct spinlock *lock = &bucket_locks[park_queue_bucket(&queue, key)];
    status_t status = CAPOS_E_VALUE_CHANGED;
    spinlock_lock(lock);
    park_queue_announce(&queue, key);
    if (read_word(word) == expected) {
        park_waiter_init(&operation->waiter);
        operation->unlink = unlink_waiter;
        spinlock_lock(&space->parked_lock);
        park_queue_insert(&queue, &space->parked, &operation->waiter, key, address);
        spinlock_unlock(&space->parked_lock);
        operation_arm(operation);
        status = PARK_PENDING;
    } else {
        park_queue_retract(&queue, key);
    }
    spinlock_unlock(lock);
    return status;
}

/* Under space->lock. */
static inline status_t park_locked(struct operation *operation, enum park_kind kind,
                                   uint64_t address, uint32_t expected) {
    struct park_key key;
    const uint32_t *word;
    status_t status = find_word(operation->space, address, &word, &key);
    if (status != CAPOS_OK) {
        return status;
    }
    if (read_word(word) != expected) {
        return CAPOS_E_VALUE_CHANGED;
    }
    if (operation->has_deadline && operation->deadline_ns <= clock_now_ns()) {
        return CAPOS_E_TIMED_OUT;
    }
    if (kind == PARK_SHARED) {
        status = find_key(operation->space, kind, address, &key);
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

inline status_t park_wait(struct thread *thread, uint64_t capability, uint64_t address,
                          uint64_t expected, struct operation *operation) {
    struct space *space = &thread->process->space;
    enum park_kind kind;
    status_t status = find_kind(thread, capability, &kind);
    if (status != CAPOS_OK) {
        return status;
    }
    if (!is_word(address)) {
        return CAPOS_E_BAD_ADDRESS;
    }
    if (expected > UINT32_MAX) {
        return CAPOS_E_INVALID_ARGUMENT;
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
    uint64_t generation;
    if (wake->kind == PARK_PRIVATE && recall_generation(space, wake->address, &generation)) {
        *key = park_key_private(&queue, space->id, generation, wake->address);
        return CAPOS_OK;
    }
    spinlock_lock(&space->lock);
    status_t status = find_key(space, wake->kind, wake->address, key);
    spinlock_unlock(&space->lock);
    return status;
}

/* One step. *present_out: waiters of the bucket, of this word and others. */
static status_t wake_step(const struct wake *wake, struct claimed *claimed, uint64_t *present_out) {
    struct park_key key;
    status_t status = find_wake_key(wake, &key);
    if (status != CAPOS_OK) {
        return status;
    }
    uint32_t number = park_queue_bucket(&queue, &key);
    uint64_t most = wake->left < WAKE_STEP ? wake->left : WAKE_STEP;
    struct park_waiter *waiter;
    spinlock_lock(&bucket_locks[number]);
    *present_out = buckets[number].count;
    while (claimed->count < most && (waiter = park_queue_find(&queue, &key)) != NULL) {
        take_out_for_later(waiter, claimed);
    }
    spinlock_unlock(&bucket_locks[number]);
    return CAPOS_OK;
}

/* In steps, and no more than were there when it began: those who come back at once do not keep it
 * busy for ever. */
static status_t wake_waiters(struct wake *wake, uint64_t *woken_out) {
    *woken_out = 0;
    for (bool is_first = true; wake->left > 0; is_first = false) {
        struct claimed claimed = {.last = &claimed.first};
        uint64_t present = 0;
        status_t status = wake_step(wake, &claimed, &present);
        complete_claimed(&claimed, CAPOS_OK);
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
    if (!recall_generation(space, key->offset, &key->generation)) {
        return false;
    }
    struct spinlock *lock = &bucket_locks[park_queue_bucket(&queue, key)];
    struct operation *operation = NULL;
    struct park_waiter *waiter;
    spinlock_lock(lock);
    while (operation == NULL && (waiter = park_queue_find(&queue, key)) != NULL) {
        operation = take_out(waiter);
    }
    spinlock_unlock(lock);
    if (operation != NULL) {
        operation_complete(operation, CAPOS_OK, 0);
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
    if (status != CAPOS_OK || !is_word(address)) {
        reply.result = status != CAPOS_OK ? status : CAPOS_E_BAD_ADDRESS;
        return reply;
    }
    if (kind == PARK_PRIVATE) {
        /* The bucket of a private word is known without its region. */
        struct park_key key = park_key_private(&queue, space->id, 0, address);
        if (park_queue_is_idle(&queue, &key) ||
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

/* ---- taking memory away ---------------------------------------------------------------------- */

/* The bucket of the first waiter in the range, or PARK_BUCKET_NONE. */
static uint32_t first_bucket(struct space *space, uint64_t low, uint64_t high) {
    spinlock_lock(&space->parked_lock);
    struct park_waiter *waiter = park_index_first(&space->parked, low, high);
    uint32_t number = waiter == NULL ? PARK_BUCKET_NONE : park_waiter_bucket(waiter);
    spinlock_unlock(&space->parked_lock);
    return number;
}

/* Under the bucket's lock: the first waiter of the range, if it stands there. */
static struct park_waiter *first_in_bucket(struct space *space, uint64_t low, uint64_t high,
                                           uint32_t number) {
    spinlock_lock(&space->parked_lock);
    struct park_waiter *waiter = park_index_first(&space->parked, low, high);
    spinlock_unlock(&space->parked_lock);
    return waiter != NULL && park_waiter_bucket(waiter) == number ? waiter : NULL;
}

void park_forget_words(struct space *space) {
    for (uint32_t i = 0; i < SPACE_WORD_PAGES; i++) {
        forget(&space->word_pages[i]);
    }
}

void park_drain_range(struct space *space, uint64_t address, uint64_t size) {
    uint64_t low = address, high = address + size;
    uint32_t number;
    park_forget_words(space);
    if (__atomic_load_n(&space->parked.count, __ATOMIC_RELAXED) == 0) {
        return; /* nobody can come while we hold space->lock */
    }
    struct claimed claimed = {.last = &claimed.first};
    while ((number = first_bucket(space, low, high)) != PARK_BUCKET_NONE) {
        spinlock_lock(&bucket_locks[number]);
        struct park_waiter *waiter = first_in_bucket(space, low, high, number);
        if (waiter != NULL) {
            take_out_for_later(waiter, &claimed);
        }
        spinlock_unlock(&bucket_locks[number]);
    }
    complete_claimed(&claimed, CAPOS_E_MEMORY_GONE);
}

/* ---- requeue --------------------------------------------------------------------------------- */

static void lock_two(uint32_t left, uint32_t right) {
    spinlock_lock(&bucket_locks[left < right ? left : right]);
    if (left != right) {
        spinlock_lock(&bucket_locks[left < right ? right : left]);
    }
}

static void unlock_two(uint32_t left, uint32_t right) {
    spinlock_unlock(&bucket_locks[left]);
    if (left != right) {
        spinlock_unlock(&bucket_locks[right]);
    }
}

/* With both buckets locked. */
static uint64_t move_waiters(struct space *space, const struct park_key *from,
                             const struct park_key *to, uint64_t count) {
    uint64_t moved = 0;
    struct park_waiter *waiter;
    spinlock_lock(&space->parked_lock);
    while (moved < count && (waiter = park_queue_find(&queue, from)) != NULL) {
        park_queue_requeue(&queue, &space->parked, waiter, to);
        moved++;
    }
    spinlock_unlock(&space->parked_lock);
    return moved;
}

static status_t requeue_locked(struct space *space, const struct park_requeue *request,
                               struct claimed *claimed, uint64_t *moved_out) {
    struct park_key from, to;
    status_t status;
    /* The word that is read comes last: bringing in another one may let go of the lock. */
    if (space_word_locked(space, request->target, &status) == NULL) {
        return status;
    }
    const uint32_t *word = space_word_locked(space, request->address, &status);
    if (word == NULL) {
        return status;
    }
    status = find_key(space, PARK_PRIVATE, request->address, &from);
    if (status == CAPOS_OK) {
        status = find_key(space, PARK_PRIVATE, request->target, &to);
    }
    if (status != CAPOS_OK) {
        return status;
    }
    uint32_t source = park_queue_bucket(&queue, &from), target = park_queue_bucket(&queue, &to);
    lock_two(source, target);
    if (read_word(word) != request->expected) {
        status = CAPOS_E_VALUE_CHANGED;
    } else {
        struct park_waiter *waiter;
        while (claimed->count < request->wake_count &&
               (waiter = park_queue_find(&queue, &from)) != NULL) {
            take_out_for_later(waiter, claimed);
        }
        *moved_out = move_waiters(space, &from, &to, request->move_count);
    }
    unlock_two(source, target);
    return status;
}

status_t park_requeue(struct space *space, const struct park_requeue *request, uint64_t *woken_out,
                      uint64_t *moved_out) {
    struct claimed claimed = {.last = &claimed.first};
    *moved_out = 0;
    if (!is_word(request->address) || !is_word(request->target) ||
        request->address == request->target) {
        return CAPOS_E_BAD_ADDRESS;
    }
    spinlock_lock(&space->lock);
    status_t status = requeue_locked(space, request, &claimed, moved_out);
    spinlock_unlock(&space->lock);
    complete_claimed(&claimed, CAPOS_OK);
    *woken_out = claimed.count;
    return status;
}
