#include "kernel/sched/process.h"

#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/cap/process_exit.h"
#include "kernel/debug/log.h"
#include "kernel/mm/frame.h"
#include "kernel/sched/scheduler.h"

/* Guards parent, children, sibling_next, children_running and reaped of every process. Taken before
 * a process's lock. */
static struct spinlock tree_lock = SPINLOCK_INIT;
static _Atomic uint32_t count;
static _Atomic uint64_t next_id = 1;

static void destroy_process(struct object *object) {
    struct process *process = container_of(object, struct process, object);
    ASSERT(process->ended);
    spinlock_lock(&tree_lock);
    struct process *parent = process->parent;
    if (parent != NULL) {
        struct process **link = &parent->children;
        while (*link != process) {
            link = &(*link)->sibling_next;
        }
        *link = process->sibling_next;
        ledger_refund(&parent->ledger, LEDGER_FRAMES, 1);
        ledger_refund(&parent->ledger, LEDGER_PROCESSES, 1);
    }
    spinlock_unlock(&tree_lock);
    frame_free(paddr((uint64_t)(uintptr_t)process - DIRECT_MAP_BASE));
}

const struct object_type process_type = {"Process", destroy_process};

/* VirtualMemory lives in its process and keeps it: references to it are references to the process.
 */
static void destroy_memory(struct object *object) {
    struct process *process = container_of(object, struct process, memory);
    object_unref(&process->object);
}
static const struct object_type memory_type = {"VirtualMemory", destroy_memory};

static void init_ledger(struct process *process, struct process *parent, uint64_t frames_limit) {
    uint64_t limits[LEDGER_RESOURCE_COUNT];
    for (int i = 0; i < LEDGER_RESOURCE_COUNT; i++) {
        limits[i] = UINT64_MAX >> 1;
    }
    if (frames_limit != 0) {
        limits[LEDGER_FRAMES] = frames_limit;
    }
    ledger_init(&process->ledger, parent == NULL ? NULL : &parent->ledger, limits);
}

static status_t charge_parent(struct process *parent) {
    status_t status = ledger_charge(&parent->ledger, LEDGER_PROCESSES, 1);
    if (status == CAPOS_OK) {
        status = ledger_charge(&parent->ledger, LEDGER_FRAMES, 1);
        if (status != CAPOS_OK) {
            ledger_refund(&parent->ledger, LEDGER_PROCESSES, 1);
        }
    }
    return status;
}

static void join_tree(struct process *process, struct process *parent) {
    process->parent = parent;
    atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
    if (parent == NULL) {
        return;
    }
    spinlock_lock(&tree_lock);
    process->sibling_next = parent->children;
    parent->children = process;
    parent->children_running++;
    spinlock_unlock(&tree_lock);
}

status_t process_create(const char *name, size_t name_length, struct process *parent,
                        uint64_t frames_limit, struct process **process_out) {
    if (parent != NULL) {
        status_t status = charge_parent(parent);
        if (status != CAPOS_OK) {
            return status;
        }
    }
    paddr_t frame = frame_alloc_zeroed();
    if (paddr_is_none(frame)) {
        if (parent != NULL) {
            ledger_refund(&parent->ledger, LEDGER_FRAMES, 1);
            ledger_refund(&parent->ledger, LEDGER_PROCESSES, 1);
        }
        return CAPOS_E_NO_MEMORY;
    }
    struct process *process = direct_map(frame);
    object_init(&process->object, &process_type);
    process->id = atomic_fetch_add_explicit(&next_id, 1, memory_order_relaxed);
    size_t length = name_length < PROCESS_NAME_MAX - 1 ? name_length : PROCESS_NAME_MAX - 1;
    memcpy(process->name, name, length);
    init_ledger(process, parent, frames_limit);
    spinlock_init(&process->captable_lock);
    spinlock_init(&process->lock);
    captable_init(&process->captable);
    object_init(&process->memory, &memory_type);
    object_ref(&process->object); /* by process->memory */
    join_tree(process, parent);
    status_t status = space_init(&process->space, &process->ledger);
    if (status == CAPOS_OK) {
        status = thread_create(process, &process->thread);
    }
    if (status != CAPOS_OK) {
        process_abandon(process);
        return status;
    }
    *process_out = process;
    return CAPOS_OK;
}

void process_start(struct process *process) {
    struct thread *thread = process->thread;
    thread->cpu = cpu_current()->index;
    spinlock_lock(&thread->ring_lock);
    thread->state = THREAD_READY;
    scheduler_insert(thread);
    spinlock_unlock(&thread->ring_lock);
}

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

void process_note_removed(struct process *process, const void *interface) {
    if (process_is_timer(interface)) {
        process->has_timer = holds_timer(process);
        cpu_set_tsc_disabled(cpu_current(), !process->has_timer);
    }
}

status_t process_release_capability(struct process *process, uint64_t id) {
    struct captable_slot removed;
    spinlock_lock(&process->captable_lock);
    status_t status = captable_remove(&process->captable, id, &removed);
    if (status == CAPOS_OK) {
        process_note_removed(process, removed.interface);
    }
    spinlock_unlock(&process->captable_lock);
    if (status == CAPOS_OK) {
        ledger_refund(&process->ledger, LEDGER_SLOTS, 1);
        object_unref(removed.object);
    }
    return status;
}

static void empty_captable(struct process *process) {
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
        frame_free(paddr((uint64_t)(uintptr_t)table->chunks[i] - DIRECT_MAP_BASE));
        ledger_refund(&process->ledger, LEDGER_FRAMES, 1);
    }
    table->chunk_count = 0;
}

void process_end(struct process *process, const struct exit_record *record) {
    spinlock_lock(&process->lock);
    if (!process->ending) {
        process->ending = true;
        process->exit = *record;
        if (process->thread != NULL) {
            thread_post_work(process->thread, WORK_END);
        }
    }
    spinlock_unlock(&process->lock);
}

static void note_used_grants(struct process *process, struct exit_record *record) {
    for (uint32_t i = 0; i < process->capset_count; i++) {
        struct captable_slot *slot = captable_lookup(&process->captable, process->capset[i]);
        if (slot != NULL && slot->used) {
            record->capset_used |= UINT64_C(1) << i;
        }
    }
}

/* Everything is given back; what outlives the process is its parent's. */
static void finish(struct process *process) {
    if (process->parent == NULL) {
        panic("init has ended: reason %u, code %ld, vector %u", process->exit.reason,
              process->exit.code, process->exit.vector);
    }
    spinlock_lock(&tree_lock);
    /* Ended children that somebody still holds: the struct is the grandparent's from now on. */
    while (process->children != NULL) {
        struct process *child = process->children;
        process->children = child->sibling_next;
        ledger_move_to_parent(&process->ledger, LEDGER_FRAMES, 1);
        ledger_move_to_parent(&process->ledger, LEDGER_PROCESSES, 1);
        child->parent = process->parent;
        child->sibling_next = NULL;
        if (process->parent != NULL) {
            child->sibling_next = process->parent->children;
            process->parent->children = child;
        }
    }
    spinlock_unlock(&tree_lock);
    enum ledger_resource leaked = ledger_first_nonzero(&process->ledger);
    if (leaked != LEDGER_RESOURCE_COUNT) {
        panic("process %lu (%s) ended with %lu %s in its ledger", process->id, process->name,
              ledger_used(&process->ledger, leaked), ledger_resource_name(leaked));
    }
    atomic_fetch_sub_explicit(&count, 1, memory_order_relaxed);
}

/* Under the tree lock: true for the one caller that is to end the process for good. */
static bool begin_finish(struct process *process) {
    bool is_over = process->reaped && process->children_running == 0 && !process->finishing;
    process->finishing = process->finishing || is_over;
    return is_over;
}

/* A process's own part is apart: ends it, and those above that have waited for nothing else. */
static void finish_upwards(struct process *process) {
    spinlock_lock(&tree_lock);
    process->reaped = true;
    bool is_over = begin_finish(process);
    spinlock_unlock(&tree_lock);
    while (is_over) {
        struct process *parent = process->parent; /* cannot end while it counts us */
        finish(process);
        process_exit_complete(process);
        spinlock_lock(&tree_lock);
        ASSERT(parent->children_running > 0); /* init has no parent, and does not end */
        parent->children_running--;
        is_over = begin_finish(parent);
        spinlock_unlock(&tree_lock);
        process = parent;
    }
}

static void kill_children(struct process *process) {
    struct exit_record record = {.reason = EXIT_KILLED};
    spinlock_lock(&tree_lock);
    for (struct process *child = process->children; child != NULL; child = child->sibling_next) {
        process_end(child, &record);
    }
    spinlock_unlock(&tree_lock);
}

static void take_apart(struct process *process) {
    note_used_grants(process, &process->exit);
    empty_captable(process);
    if (!paddr_is_none(process->space.root)) {
        space_fini(&process->space);
    }
    process->exit.frames_peak = ledger_peak(&process->ledger, LEDGER_FRAMES);
    kill_children(process);
    object_unref(&process->memory); /* before the end, after which the struct may be gone */
    finish_upwards(process);
}

void process_reap(struct process *process) {
    struct cpu *cpu = cpu_current();
    struct thread *thread = process->thread;
    ASSERT(cpu->thread == thread);
    operation_cancel_all(thread);
    spinlock_lock(&process->lock);
    process->thread = NULL;
    spinlock_unlock(&process->lock);
    thread->state = THREAD_ENDED;
    process->exit.cpu_time_ns = scheduler_cpu_time(thread);
    cpu->thread = NULL;
    cpu->slice_end_ns = UINT64_MAX;
    space_activate(NULL);
    thread_destroy(thread);
    take_apart(process);
}

void process_abandon(struct process *process) {
    process->ending = true;
    if (process->thread != NULL) {
        struct thread *thread = process->thread;
        process->thread = NULL;
        thread_destroy(thread);
    }
    take_apart(process);
}

uint32_t process_count(void) {
    return atomic_load_explicit(&count, memory_order_relaxed);
}
