#include "kernel/sched/process.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/mm/frame.h"
#include "kernel/sched/placement.h"
#include "kernel/sched/process_parts.h"
#include "kernel/sched/scheduler.h"

struct spinlock process_tree_lock = SPINLOCK_INIT;
_Atomic uint32_t process_unfinished;
static _Atomic uint64_t next_id = 1;

static void destroy_process(struct object *object) {
    struct process *process = container_of(object, struct process, object);
    ASSERT(process->ended && process->lasting_frames == 0);
    spinlock_lock(&process_tree_lock);
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
    spinlock_unlock(&process_tree_lock);
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
    atomic_fetch_add_explicit(&process_unfinished, 1, memory_order_relaxed);
    if (parent == NULL) {
        return;
    }
    spinlock_lock(&process_tree_lock);
    process->sibling_next = parent->children;
    parent->children = process;
    parent->children_running++;
    spinlock_unlock(&process_tree_lock);
}

status_t process_create(const char *name, size_t name_length, struct process *parent,
                        uint64_t frames_limit, uint64_t image_high, struct process **process_out) {
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
    status_t status = space_init(&process->space, &process->ledger, image_high);
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
        spinlock_lock(&process_tree_lock);
        if (process->parent != NULL) {
            status = ledger_charge(&process->parent->ledger, LEDGER_FRAMES, frames);
            process->lasting_frames += status == CAPOS_OK ? frames : 0;
        }
        spinlock_unlock(&process_tree_lock);
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
        spinlock_lock(&process_tree_lock);
        ASSERT(process->lasting_frames >= frames);
        process->lasting_frames -= frames;
        if (process->parent != NULL) {
            ledger_refund(&process->parent->ledger, LEDGER_FRAMES, frames);
        }
        spinlock_unlock(&process_tree_lock);
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

uint32_t process_count(void) {
    return atomic_load_explicit(&process_unfinished, memory_order_relaxed);
}
