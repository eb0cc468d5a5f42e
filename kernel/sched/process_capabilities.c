#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/flush.h"
#include "kernel/cap/process_exit.h"
#include "kernel/mm/frame.h"
#include "kernel/sched/process_parts.h"
#include "kernel/sched/scheduler.h"

status_t process_add_capability(struct process *process, struct object *object,
                                const void *interface, uint64_t badge, uint64_t *id_out) {
    status_t status = ledger_charge(&process->ledger, LEDGER_SLOTS, 1);
    if (status != CAPOS_OK) {
        return status;
    }
    spinlock_lock(&process->captable_lock);
    if (captable_is_full(&process->captable)) {
        status = ledger_charge(&process->ledger, LEDGER_FRAMES, 1);
        paddr_t chunk = status == CAPOS_OK ? frame_alloc_zeroed() : PADDR_NONE;
        if (status == CAPOS_OK && paddr_is_none(chunk)) {
            ledger_refund(&process->ledger, LEDGER_FRAMES, 1);
            status = CAPOS_E_NO_MEMORY;
        }
        if (status == CAPOS_OK) {
            status = captable_add_chunk(&process->captable, direct_map(chunk));
            if (status != CAPOS_OK) { /* the table has all the chunks it can have */
                frame_free(chunk);
                ledger_refund(&process->ledger, LEDGER_FRAMES, 1);
                status = CAPOS_E_NO_SLOT;
            }
        }
    }
    if (status == CAPOS_OK) {
        status = captable_reserve(&process->captable, id_out);
    }
    if (status == CAPOS_OK) {
        captable_commit(&process->captable, *id_out, object, interface, badge, 0);
        process->has_timer = process->has_timer || process_is_timer(interface);
    }
    spinlock_unlock(&process->captable_lock);
    if (status != CAPOS_OK) {
        ledger_refund(&process->ledger, LEDGER_SLOTS, 1);
    }
    return status;
}

/* One in transit counts too: its move may be taken back. */
static bool holds_timer(struct process *process) {
    uint32_t cursor = 0;
    uint64_t id;
    struct captable_slot *slot;
    while ((slot = captable_next(&process->captable, &cursor, &id)) != NULL) {
        if (process_is_timer(slot->interface)) {
            return true;
        }
    }
    return false;
}

status_t process_reference_capability(struct process *process, uint64_t id,
                                      struct object **object_out, const void **interface_out,
                                      uint64_t *badge_out) {
    status_t status = CAPOS_E_BAD_CAPABILITY;
    spinlock_lock(&process->captable_lock);
    const struct captable_slot *slot = captable_lookup(&process->captable, id);
    if (slot != NULL) {
        *object_out = object_ref(slot->object);
        *interface_out = slot->interface;
        *badge_out = slot->badge;
        status = CAPOS_OK;
    }
    spinlock_unlock(&process->captable_lock);
    return status;
}

/* Other threads of the process may have looked up the slot before it was emptied, and use the
 * object without a reference until their call is over (dispatch.c). */
static void wait_for_users(const void *object) {
    struct cpu *self = cpu_current();
    atomic_store_explicit(&self->target, NULL, memory_order_relaxed);
    /* seq_cst: pairs with the store of cpu->target in dispatch.c; either we see it, or they see
     * that the slot is empty. */
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t i = 0; i < cpu_count(); i++) {
        /* acquire: pairs with the release at the end of the call */
        while (cpus[i] != self &&
               atomic_load_explicit(&cpus[i]->target, memory_order_acquire) == object) {
            arch_spin_pause();
        }
    }
}

/* The last Timer is gone: no thread of the process reads the time-stamp counter any more. */
static void stop_time(struct process *process) {
    spinlock_lock(&process->captable_lock);
    process->has_timer = holds_timer(process);
    spinlock_unlock(&process->captable_lock);
    if (!process->has_timer) {
        scheduler_check_time();
        flush_range(&process->space, USER_LOW, PAGE_SIZE); /* the others check it when they flush */
    }
}

void process_drop_removed(struct process *process, const struct captable_slot *removed) {
    if (process_is_timer(removed->interface)) {
        stop_time(process);
    }
    if (atomic_load_explicit(&process->thread_count, memory_order_relaxed) > 1) {
        wait_for_users(removed->object);
    }
    ledger_refund(&process->ledger, LEDGER_SLOTS, 1);
    object_unref(removed->object);
}

status_t process_release_capability(struct process *process, uint64_t id) {
    struct captable_slot removed;
    spinlock_lock(&process->captable_lock);
    status_t status = captable_remove(&process->captable, id, &removed);
    spinlock_unlock(&process->captable_lock);
    if (status == CAPOS_OK) {
        process_drop_removed(process, &removed);
    }
    return status;
}

void process_empty_captable(struct process *process) {
    struct captable *table = &process->captable;
    uint32_t cursor = 0;
    uint64_t id;
    while (captable_next(table, &cursor, &id) != NULL) {
        struct captable_slot removed;
        status_t status = captable_remove(table, id, &removed);
        ASSERT(status == CAPOS_OK);
        ledger_refund(&process->ledger, LEDGER_SLOTS, 1);
        object_unref(removed.object);
    }
    for (uint32_t i = 0; i < table->chunk_count; i++) {
        frame_free(direct_map_paddr(table->chunks[i]));
        ledger_refund(&process->ledger, LEDGER_FRAMES, 1);
    }
    table->chunk_count = 0;
}
