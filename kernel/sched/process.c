#include "kernel/sched/process.h"

#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/flush.h"
#include "kernel/cap/process_exit.h"
#include "kernel/debug/log.h"
#include "kernel/mm/frame.h"
#include "kernel/sched/placement.h"
#include "kernel/sched/scheduler.h"

/* Guards parent, children, sibling_next, children_running and reaped of every process. Taken before
 * a process's lock. */
static struct spinlock tree_lock = SPINLOCK_INIT;
static _Atomic uint32_t count;
static _Atomic uint64_t next_id = 1;

static void destroy_process(struct object *object) {
    struct process *process = container_of(object, struct process, object);
    ASSERT(process->ended && process->lasting_frames == 0);
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
    frame_free(direct_map_paddr(process));
}

const struct object_type process_type = {"Process", destroy_process};

/* Objects that live in their process keep it: references to them are references to the process. */
static void destroy_memory(struct object *object) {
    object_unref(&container_of(object, struct process, memory)->object);
}
static void destroy_park(struct object *object) {
    object_unref(&container_of(object, struct process, park)->object);
}
static void destroy_threads(struct object *object) {
    object_unref(&container_of(object, struct process, threads)->object);
}
static const struct object_type memory_type = {"VirtualMemory", destroy_memory};
static const struct object_type park_type = {"ParkSpace", destroy_park};
static const struct object_type threads_type = {"ThreadSpawner", destroy_threads};

static void init_object(struct process *process, struct object *object,
                        const struct object_type *type) {
    object_init(object, type);
    object_ref(&process->object);
}

static void init_objects(struct process *process) {
    init_object(process, &process->memory, &memory_type);
    init_object(process, &process->park, &park_type);
    init_object(process, &process->threads, &threads_type);
}

/* Before the end, after which the struct may be gone. */
static void drop_objects(struct process *process) {
    object_unref(&process->memory);
    object_unref(&process->park);
    object_unref(&process->threads);
}

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
    cpu_clock_init(&process->clock);
    init_objects(process);
    join_tree(process, parent);
    process_set_priority_ceiling(process, CAPOS_PRIORITY_DEFAULT);
    status_t status = space_init(&process->space, &process->ledger);
    if (status == CAPOS_OK) {
        struct thread *thread; /* the process's list has it */
        status = thread_create(process, &thread);
    }
    if (status != CAPOS_OK) {
        process_abandon(process);
        return status;
    }
    *process_out = process;
    return CAPOS_OK;
}

void process_start(struct process *process) {
    thread_start(process->first_thread);
}

uint32_t process_initial_priority(const struct process *process) {
    uint32_t ceiling = process->priority_ceiling;
    return ceiling < CAPOS_PRIORITY_DEFAULT ? ceiling : CAPOS_PRIORITY_DEFAULT;
}

uint32_t process_set_priority_ceiling(struct process *process, uint32_t ceiling) {
    const struct process *parent = process->parent; /* is creating us */
    bool is_bounded = parent != NULL && parent->priority_ceiling < ceiling;
    process->priority_ceiling = is_bounded ? parent->priority_ceiling : ceiling;
    if (process->first_thread != NULL) {
        placement_init(process->first_thread, process_initial_priority(process), cpu_all());
    }
    return process->priority_ceiling;
}

status_t process_charge_lasting(struct process *process, uint64_t frames) {
    status_t status = CAPOS_E_DISCONNECTED;
    spinlock_lock(&process->lock);
    bool is_finished = process->finished;
    if (!is_finished) {
        status = ledger_charge(&process->ledger, LEDGER_FRAMES, frames);
        process->lasting_frames += status == CAPOS_OK ? frames : 0;
    }
    spinlock_unlock(&process->lock);
    if (is_finished) {
        spinlock_lock(&tree_lock);
        if (process->parent != NULL) {
            status = ledger_charge(&process->parent->ledger, LEDGER_FRAMES, frames);
            process->lasting_frames += status == CAPOS_OK ? frames : 0;
        }
        spinlock_unlock(&tree_lock);
    }
    return status;
}

void process_refund_lasting(struct process *process, uint64_t frames) {
    spinlock_lock(&process->lock);
    bool is_finished = process->finished;
    if (!is_finished) {
        ASSERT(process->lasting_frames >= frames);
        process->lasting_frames -= frames;
        ledger_refund(&process->ledger, LEDGER_FRAMES, frames);
    }
    spinlock_unlock(&process->lock);
    if (is_finished) {
        spinlock_lock(&tree_lock);
        ASSERT(process->lasting_frames >= frames);
        process->lasting_frames -= frames;
        if (process->parent != NULL) {
            ledger_refund(&process->parent->ledger, LEDGER_FRAMES, frames);
        }
        spinlock_unlock(&tree_lock);
    }
}

status_t process_add_thread(struct process *process, struct thread *thread) {
    status_t status = CAPOS_OK;
    spinlock_lock(&process->lock);
    uint32_t threads = atomic_load_explicit(&process->thread_count, memory_order_relaxed);
    if (process->ending) {
        status = CAPOS_E_DISCONNECTED;
    } else if (threads == CAPOS_THREADS_MAX) {
        status = CAPOS_E_OVER_QUOTA;
    } else {
        thread->process_next = process->first_thread;
        if (thread->process_next != NULL) {
            thread->process_next->process_previous = thread;
        }
        process->first_thread = thread;
        atomic_store_explicit(&process->thread_count, threads + 1, memory_order_relaxed);
    }
    spinlock_unlock(&process->lock);
    return status;
}

/* Under the lock: tells so many more threads that the process ends. Each tells others when it
 * leaves, so that no step is longer than this. */
#define END_STEP 64u
static void post_end(struct process *process, uint32_t threads) {
    for (; threads > 0 && process->end_cursor != NULL; threads--) {
        struct thread *thread = process->end_cursor;
        process->end_cursor = thread->process_next;
        thread_post_work(thread, WORK_END);
    }
}

bool process_remove_thread(struct process *process, struct thread *thread) {
    spinlock_lock(&process->lock);
    if (thread->process_previous != NULL) {
        thread->process_previous->process_next = thread->process_next;
    } else {
        process->first_thread = thread->process_next;
    }
    if (thread->process_next != NULL) {
        thread->process_next->process_previous = thread->process_previous;
    }
    if (process->end_cursor == thread) {
        process->end_cursor = thread->process_next;
    }
    uint32_t left = atomic_load_explicit(&process->thread_count, memory_order_relaxed) - 1;
    atomic_store_explicit(&process->thread_count, left, memory_order_relaxed);
    if (left == 0 && !process->ending) {
        process->ending = true;
        process->exit = (struct exit_record){.reason = EXIT_EXITED};
    }
    post_end(process, 2);
    spinlock_unlock(&process->lock);
    return left == 0;
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
        frame_free(direct_map_paddr(table->chunks[i]));
        ledger_refund(&process->ledger, LEDGER_FRAMES, 1);
    }
    table->chunk_count = 0;
}

void process_end(struct process *process, const struct exit_record *record) {
    spinlock_lock(&process->lock);
    if (!process->ending) {
        process->ending = true;
        process->exit = *record;
        process->end_cursor = process->first_thread;
        post_end(process, END_STEP);
    }
    spinlock_unlock(&process->lock);
    /* Of many threads, the one that exits or faults is not always among the first to be told; but
     * it does not go on. */
    struct thread *self = cpu_current()->thread;
    if (self != NULL && self->process == process) {
        thread_post_work(self, WORK_END);
    }
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
    spinlock_lock(&process->lock);
    process->finished = true;
    spinlock_unlock(&process->lock);
    if (process->lasting_frames != 0) {
        ledger_move_to_parent(&process->ledger, LEDGER_FRAMES, process->lasting_frames);
    }
    /* Ended children that somebody still holds: what is charged for them is the grandparent's. */
    while (process->children != NULL) {
        struct process *child = process->children;
        process->children = child->sibling_next;
        ledger_move_to_parent(&process->ledger, LEDGER_FRAMES, 1 + child->lasting_frames);
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
    drop_objects(process);
    finish_upwards(process);
}

void process_reap(struct process *process) {
    process->exit.cpu_time_ns = cpu_time_of_process(process);
    take_apart(process);
}

void process_abandon(struct process *process) {
    process->ending = true;
    if (process->first_thread != NULL) {
        thread_abandon(process->first_thread);
    }
    take_apart(process);
}

uint32_t process_count(void) {
    return atomic_load_explicit(&count, memory_order_relaxed);
}
