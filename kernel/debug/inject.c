#include "kernel/debug/inject.h"

#include "core/captable.h"
#include "core/ledger.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/mm/frame.h"
#include "kernel/sched/process.h"
#include "kernel/spinlock.h"

/*
 * The linker (--wrap=NAME, kernel/module.mk) sends calls of NAME from other files to __wrap_NAME,
 * and calls of __real_NAME to NAME: the other objects are those of the delivered kernel.
 *
 * A frame has no owner when it is taken, but it was charged for just before on the same CPU: so a
 * charge says how many of the next frames are the subtree's.
 */
static struct spinlock lock = SPINLOCK_INIT; /* guards the rest; nothing is taken under it */
static const struct ledger *_Atomic armed;   /* NULL: nothing fails */
static uint64_t left, every, refused;
static uint64_t frames_due[CPUS_MAX];

/* Without the lock; as long as the machine starts up there is not even a CPU to ask for. */
static bool is_armed(void) {
    return atomic_load_explicit(&armed, memory_order_relaxed) != NULL;
}

/* One more thing is taken: true when it is to fail. Under the lock. */
static bool is_next(void) {
    if (left == 0 || --left > 0) {
        return false;
    }
    left = every;
    refused++;
    return true;
}

static bool is_within(const struct ledger *ledger) {
    while (ledger != NULL && ledger != armed) {
        ledger = ledger->parent;
    }
    return ledger != NULL;
}

static bool fails_for(const struct ledger *ledger) {
    if (!is_armed()) {
        return false;
    }
    spinlock_lock(&lock);
    bool is_failure = is_within(ledger) && is_next();
    spinlock_unlock(&lock);
    return is_failure;
}

/* What can fail. */

status_t __real_ledger_charge(struct ledger *ledger, enum ledger_resource resource, uint64_t count);
status_t __wrap_ledger_charge(struct ledger *ledger, enum ledger_resource resource, uint64_t count);

status_t __wrap_ledger_charge(struct ledger *ledger, enum ledger_resource resource,
                              uint64_t count) {
    if (fails_for(ledger)) {
        return CAPOS_E_OVER_QUOTA;
    }
    status_t status = __real_ledger_charge(ledger, resource, count);
    if (is_armed() && resource == LEDGER_FRAMES) {
        spinlock_lock(&lock);
        frames_due[cpu_current()->index] = status == CAPOS_OK && is_within(ledger) ? count : 0;
        spinlock_unlock(&lock);
    }
    return status;
}

static bool frame_fails(void) {
    if (!is_armed()) {
        return false;
    }
    spinlock_lock(&lock);
    uint64_t *due = &frames_due[cpu_current()->index];
    bool is_failure = false;
    if (*due > 0) {
        --*due;
        is_failure = is_next();
    }
    spinlock_unlock(&lock);
    return is_failure;
}

paddr_t __real_frame_alloc(void);
paddr_t __wrap_frame_alloc(void);
paddr_t __real_frame_alloc_zeroed(void);
paddr_t __wrap_frame_alloc_zeroed(void);

paddr_t __wrap_frame_alloc(void) {
    return frame_fails() ? PADDR_NONE : __real_frame_alloc();
}

paddr_t __wrap_frame_alloc_zeroed(void) {
    return frame_fails() ? PADDR_NONE : __real_frame_alloc_zeroed();
}

/* Where it is refused, the caller takes single frames, each with a charge of its own. */
paddr_t __real_frame_alloc_large(void);
paddr_t __wrap_frame_alloc_large(void);

paddr_t __wrap_frame_alloc_large(void) {
    return frame_fails() ? PADDR_NONE : __real_frame_alloc_large();
}

static const struct ledger *ledger_of(const struct captable *table) {
    return &container_of(table, struct process, captable)->ledger;
}

status_t __real_captable_add_chunk(struct captable *table, struct captable_slot *chunk);
status_t __wrap_captable_add_chunk(struct captable *table, struct captable_slot *chunk);
status_t __real_captable_reserve(struct captable *table, uint64_t *id_out);
status_t __wrap_captable_reserve(struct captable *table, uint64_t *id_out);

status_t __wrap_captable_add_chunk(struct captable *table, struct captable_slot *chunk) {
    return fails_for(ledger_of(table)) ? CAPOS_E_TOO_LARGE
                                       : __real_captable_add_chunk(table, chunk);
}

status_t __wrap_captable_reserve(struct captable *table, uint64_t *id_out) {
    return fails_for(ledger_of(table)) ? CAPOS_E_NO_SLOT : __real_captable_reserve(table, id_out);
}

/* Requests. */

static status_t serve(const struct process *caller, uint64_t request) {
    status_t status = CAPOS_E_BUSY;
    spinlock_lock(&lock);
    if (request == INJECT_DISARM) {
        status = refused != 0 ? CAPOS_E_CANCELLED : CAPOS_E_TIMED_OUT;
        status = armed != NULL ? status : CAPOS_E_NOT_FOUND;
    }
    armed = request == INJECT_DISARM ? NULL : &caller->ledger;
    left = request & INJECT_FIRST_MAX;
    every = request >> INJECT_EVERY_SHIFT & INJECT_EVERY_MAX;
    refused = 0;
    memset(frames_due, 0, sizeof frames_due);
    spinlock_unlock(&lock);
    return status;
}

status_t __real_process_create(const char *name, size_t name_length, struct process *parent,
                               uint64_t frames_limit, uint64_t image_high,
                               struct process **process_out);
status_t __wrap_process_create(const char *name, size_t name_length, struct process *parent,
                               uint64_t frames_limit, uint64_t image_high,
                               struct process **process_out);

status_t __wrap_process_create(const char *name, size_t name_length, struct process *parent,
                               uint64_t frames_limit, uint64_t image_high,
                               struct process **process_out) {
    if ((frames_limit & INJECT_MASK) == INJECT_REQUEST) {
        return serve(parent, frames_limit);
    }
    return __real_process_create(name, name_length, parent, frames_limit, image_high, process_out);
}
