#pragma once
/*
 * A ledger: what one process may take, and has taken. Ledgers form a tree; a charge counts in the
 * ledger and in all its ancestors, and is refused as a whole when one of them is at its limit.
 *
 * Rules
 * - Every resource is charged before it is used and given back exactly once.
 * - Charges and refunds are atomic and take no lock; limits are fixed at ledger_init.
 * - At the end of a process its ledger reads zero; ledger_first_nonzero tells which one does not.
 */
#include <stdatomic.h>
#include <stdint.h>

#include "core/status.h"

enum ledger_resource {
    LEDGER_FRAMES, /* physical frames of 4 KiB, page tables and kernel objects included */
    LEDGER_SLOTS,  /* capability slots in use */
    LEDGER_THREADS,
    LEDGER_RINGS,
    LEDGER_TIMERS,     /* armed deadlines and sleeps */
    LEDGER_OPERATIONS, /* operations in flight */
    LEDGER_PROCESSES,
    LEDGER_RESOURCE_COUNT,
};

struct ledger {
    struct ledger *parent; /* NULL for the root */
    _Atomic uint64_t used[LEDGER_RESOURCE_COUNT];
    _Atomic uint64_t peak[LEDGER_RESOURCE_COUNT]; /* until the last refund */
    uint64_t limit[LEDGER_RESOURCE_COUNT];
};

void ledger_init(struct ledger *ledger, struct ledger *parent,
                 const uint64_t limits[LEDGER_RESOURCE_COUNT]);

/* overQuota when this ledger or an ancestor would pass its limit; then nothing is charged. */
MUST_CHECK status_t ledger_charge(struct ledger *ledger, enum ledger_resource resource,
                                  uint64_t count);
void ledger_refund(struct ledger *ledger, enum ledger_resource resource, uint64_t count);

/* Takes a charge off this ledger that its ancestors keep: what outlives the ledger is theirs. */
void ledger_move_to_parent(struct ledger *ledger, enum ledger_resource resource, uint64_t count);

uint64_t ledger_used(const struct ledger *ledger, enum ledger_resource resource);
/* The most that was ever in use. */
uint64_t ledger_peak(const struct ledger *ledger, enum ledger_resource resource);

/* The first resource that is not zero, or LEDGER_RESOURCE_COUNT. */
enum ledger_resource ledger_first_nonzero(const struct ledger *ledger);

const char *ledger_resource_name(enum ledger_resource resource);
