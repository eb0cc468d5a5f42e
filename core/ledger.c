#include "core/ledger.h"

#include <stdbool.h>
#include <stddef.h>

#include "core/assert.h"

void ledger_init(struct ledger *ledger, struct ledger *parent,
                 const uint64_t limits[LEDGER_RESOURCE_COUNT]) {
    ledger->parent = parent;
    for (size_t i = 0; i < LEDGER_RESOURCE_COUNT; i++) {
        atomic_init(&ledger->used[i], 0);
        atomic_init(&ledger->peak[i], 0);
        ledger->limit[i] = limits[i];
    }
}

/* Relaxed order is enough throughout: the counters guard nothing but themselves. */
static bool charge_one(struct ledger *ledger, enum ledger_resource resource, uint64_t count) {
    uint64_t limit = ledger->limit[resource];
    uint64_t used = atomic_load_explicit(&ledger->used[resource], memory_order_relaxed);
    do {
        ASSERT(used <= limit);
        if (count > limit - used) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&ledger->used[resource], &used, used + count,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

/* Takes back what a charge that was refused further up has counted so far. */
static void undo_until(struct ledger *ledger, const struct ledger *end,
                       enum ledger_resource resource, uint64_t count) {
    for (; ledger != end; ledger = ledger->parent) {
        atomic_fetch_sub_explicit(&ledger->used[resource], count, memory_order_relaxed);
    }
}

status_t ledger_charge(struct ledger *ledger, enum ledger_resource resource, uint64_t count) {
    ASSERT(resource < LEDGER_RESOURCE_COUNT);
    for (struct ledger *each = ledger; each != NULL; each = each->parent) {
        if (!charge_one(each, resource, count)) {
            undo_until(ledger, each, resource, count);
            return CAPOS_E_OVER_QUOTA;
        }
    }
    return CAPOS_OK;
}

/* A use stops rising where a refund follows, so this is where peaks are noted: a charge need not.
 */
static void raise_peak(struct ledger *ledger, enum ledger_resource resource, uint64_t used) {
    uint64_t peak = atomic_load_explicit(&ledger->peak[resource], memory_order_relaxed);
    while (used > peak &&
           !atomic_compare_exchange_weak_explicit(&ledger->peak[resource], &peak, used,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

static void refund_until(struct ledger *ledger, const struct ledger *end,
                         enum ledger_resource resource, uint64_t count) {
    for (; ledger != end; ledger = ledger->parent) {
        uint64_t before =
            atomic_fetch_sub_explicit(&ledger->used[resource], count, memory_order_relaxed);
        ASSERT(before >= count);
        raise_peak(ledger, resource, before);
    }
}

void ledger_refund(struct ledger *ledger, enum ledger_resource resource, uint64_t count) {
    ASSERT(resource < LEDGER_RESOURCE_COUNT);
    refund_until(ledger, NULL, resource, count);
}

void ledger_move_to_parent(struct ledger *ledger, enum ledger_resource resource, uint64_t count) {
    ASSERT(resource < LEDGER_RESOURCE_COUNT && ledger->parent != NULL);
    refund_until(ledger, ledger->parent, resource, count);
}

uint64_t ledger_used(const struct ledger *ledger, enum ledger_resource resource) {
    return atomic_load_explicit(&ledger->used[resource], memory_order_relaxed);
}

uint64_t ledger_peak(const struct ledger *ledger, enum ledger_resource resource) {
    uint64_t used = ledger_used(ledger, resource);
    uint64_t peak = atomic_load_explicit(&ledger->peak[resource], memory_order_relaxed);
    return used > peak ? used : peak;
}

enum ledger_resource ledger_first_nonzero(const struct ledger *ledger) {
    for (uint32_t i = 0; i < LEDGER_RESOURCE_COUNT; i++) {
        if (ledger_used(ledger, (enum ledger_resource)i) != 0) {
            return (enum ledger_resource)i;
        }
    }
    return LEDGER_RESOURCE_COUNT;
}

const char *ledger_resource_name(enum ledger_resource resource) {
    static const char *const names[LEDGER_RESOURCE_COUNT] = {
        [LEDGER_FRAMES] = "frames",       [LEDGER_SLOTS] = "slots",
        [LEDGER_THREADS] = "threads",     [LEDGER_RINGS] = "rings",
        [LEDGER_TIMERS] = "timers",       [LEDGER_OPERATIONS] = "operations",
        [LEDGER_PROCESSES] = "processes",
    };
    return (uint32_t)resource < LEDGER_RESOURCE_COUNT ? names[resource] : "none";
}
