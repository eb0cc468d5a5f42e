#include "kernel/arch/x86_64/cpu.h"
#include "kernel/cap/process_exit.h"
#include "kernel/debug/log.h"
#include "kernel/sched/process_parts.h"

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

static void drop_objects(struct process *process) {
    object_unref(&process->memory);
    object_unref(&process->park);
    object_unref(&process->threads);
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
    spinlock_lock(&process_tree_lock);
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
    spinlock_unlock(&process_tree_lock);
    enum ledger_resource leaked = ledger_first_nonzero(&process->ledger);
    if (leaked != LEDGER_RESOURCE_COUNT) {
        panic("process %lu (%s) ended with %lu %s in its ledger", process->id, process->name,
              ledger_used(&process->ledger, leaked), ledger_resource_name(leaked));
    }
    atomic_fetch_sub_explicit(&process_unfinished, 1, memory_order_relaxed);
}

/* Under the tree lock: true for the one caller that is to end the process for good. */
static bool begin_finish(struct process *process) {
    bool is_over = process->reaped && process->children_running == 0 && !process->finishing;
    process->finishing = process->finishing || is_over;
    return is_over;
}

/* A process's own part is apart: ends it, and those above that have waited for nothing else. */
static void finish_upwards(struct process *process) {
    spinlock_lock(&process_tree_lock);
    process->reaped = true;
    bool is_over = begin_finish(process);
    spinlock_unlock(&process_tree_lock);
    while (is_over) {
        struct process *parent = process->parent; /* cannot end while it counts us */
        finish(process);
        process_exit_complete(process);
        spinlock_lock(&process_tree_lock);
        ASSERT(parent->children_running > 0); /* init has no parent, and does not end */
        parent->children_running--;
        is_over = begin_finish(parent);
        spinlock_unlock(&process_tree_lock);
        process = parent;
    }
}

static void kill_children(struct process *process) {
    struct exit_record record = {.reason = EXIT_KILLED};
    spinlock_lock(&process_tree_lock);
    for (struct process *child = process->children; child != NULL; child = child->sibling_next) {
        process_end(child, &record);
    }
    spinlock_unlock(&process_tree_lock);
}

static void take_apart(struct process *process) {
    note_used_grants(process, &process->exit);
    process_empty_captable(process);
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
