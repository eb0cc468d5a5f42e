#include "kernel/sched/park_parts.h"
#include "kernel/sched/process.h"

/* The bucket of the first place in the range, or PARK_BUCKET_NONE. *address_out: of that place. */
static uint32_t first_bucket(struct space *space, uint64_t low, uint64_t high,
                             uint64_t *address_out) {
    uint32_t number = PARK_BUCKET_NONE;
    spinlock_lock(&space->parked_lock);
    struct park_waiter *waiter = park_index_first(&space->parked, low, high);
    if (waiter != NULL) {
        number = park_waiter_lock(&park_queue, waiter, space->id);
        *address_out = waiter->address;
    }
    spinlock_unlock(&space->parked_lock);
    return number;
}

/* Under the bucket's lock: takes the first place of the range away if it leads to this bucket, and
 * returns its waiter if that is queued. (If not, its record may be gone by now.) */
static struct park_waiter *take_first_place(struct space *space, uint64_t low, uint64_t high,
                                            uint32_t number) {
    struct park_waiter *queued = NULL;
    spinlock_lock(&space->parked_lock);
    struct park_waiter *waiter = park_index_first(&space->parked, low, high);
    if (waiter != NULL && park_waiter_lock(&park_queue, waiter, space->id) == number) {
        queued = park_waiter_bucket(waiter) != PARK_BUCKET_NONE ? waiter : NULL;
        park_index_remove(&space->parked, waiter);
    }
    spinlock_unlock(&space->parked_lock);
    return queued;
}

/* True when no thread of the space has its place anywhere. Nobody can take one while we hold
 * space->lock. */
static bool has_no_places(const struct space *space) {
    return __atomic_load_n(&space->parked.count, __ATOMIC_RELAXED) == 0;
}

void park_forget_page(struct space *space, uint64_t address) {
    uint64_t low = align_down(address, PAGE_SIZE), high = low + PAGE_SIZE;
    uint32_t number;
    word_pages_forget(&space->words, low, high);
    /* Whoever is in park_again with the page as it was leaves before the frame may go. */
    while (!has_no_places(space) &&
           (number = first_bucket(space, low, high, &low)) != PARK_BUCKET_NONE) {
        spinlock_lock(&park_locks[number]);
        spinlock_unlock(&park_locks[number]);
        low += sizeof(uint32_t);
    }
}

void park_drain_range(struct space *space, uint64_t address, uint64_t size) {
    uint64_t low = address, high = address + size;
    uint32_t number;
    word_pages_forget(&space->words, low, high);
    if (has_no_places(space)) {
        return;
    }
    struct operation_list claimed;
    operation_list_init(&claimed);
    while ((number = first_bucket(space, low, high, &low)) != PARK_BUCKET_NONE) {
        spinlock_lock(&park_locks[number]);
        struct park_waiter *waiter = take_first_place(space, low, high, number);
        if (waiter != NULL) {
            park_take_out(waiter, &claimed);
        }
        spinlock_unlock(&park_locks[number]);
    }
    operation_list_complete(&claimed, CAPOS_E_MEMORY_GONE);
}
