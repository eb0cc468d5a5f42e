#include "kernel/sched/park_parts.h"
#include "kernel/sched/process.h"

static void lock_two(uint32_t left, uint32_t right) {
    spinlock_lock(&park_locks[left < right ? left : right]);
    if (left != right) {
        spinlock_lock(&park_locks[left < right ? right : left]);
    }
}

static void unlock_two(uint32_t left, uint32_t right) {
    spinlock_unlock(&park_locks[left]);
    if (left != right) {
        spinlock_unlock(&park_locks[right]);
    }
}

/* With both buckets locked. */
static uint64_t move_waiters(struct space *space, const struct park_key *from,
                             const struct park_key *to, uint64_t count) {
    uint64_t moved = 0;
    struct park_waiter *waiter;
    spinlock_lock(&space->parked_lock);
    while (moved < count && (waiter = park_queue_find(&park_queue, from)) != NULL) {
        park_queue_requeue(&park_queue, &space->parked, waiter, to);
        moved++;
    }
    spinlock_unlock(&space->parked_lock);
    return moved;
}

static status_t requeue_locked(struct space *space, const struct park_requeue *request,
                               struct operation_list *claimed, uint64_t *moved_out) {
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
    status = park_find_key(space, PARK_PRIVATE, request->address, &from);
    if (status == CAPOS_OK) {
        status = park_find_key(space, PARK_PRIVATE, request->target, &to);
    }
    if (status != CAPOS_OK) {
        return status;
    }
    uint32_t source = from.bucket, target = to.bucket;
    lock_two(source, target);
    if (park_read_word(word) != request->expected) {
        status = CAPOS_E_VALUE_CHANGED;
    } else {
        struct park_waiter *waiter;
        while (claimed->count < request->wake_count &&
               (waiter = park_queue_find(&park_queue, &from)) != NULL) {
            park_take_out(waiter, claimed);
        }
        *moved_out = move_waiters(space, &from, &to, request->move_count);
    }
    unlock_two(source, target);
    return status;
}

status_t park_requeue(struct space *space, const struct park_requeue *request, uint64_t *woken_out,
                      uint64_t *moved_out) {
    struct operation_list claimed;
    operation_list_init(&claimed);
    *moved_out = 0;
    if (!park_is_word(request->address) || !park_is_word(request->target) ||
        request->address == request->target) {
        return CAPOS_E_BAD_ADDRESS;
    }
    spinlock_lock(&space->lock);
    status_t status = requeue_locked(space, request, &claimed, moved_out);
    spinlock_unlock(&space->lock);
    operation_list_complete(&claimed, CAPOS_OK);
    *woken_out = claimed.count;
    return status;
}
