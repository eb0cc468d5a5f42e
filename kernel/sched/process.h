#pragma once
/*
 * A process: an address space, a capability table, a ledger, threads. Also the object behind a
 * Process capability, which outlives the process itself.
 *
 * Rules
 * - lock guards the threads, the exit record and the waiters. captable_lock guards changes of the
 *   table; look-ups of the process's own threads take no lock (kernel/cap/dispatch.c).
 * - Ledgers form a tree, and the tree is the kill domain: when a process ends, so do those that it
 *   spawned, and it has ended when they have. The struct is a frame that the parent's ledger pays
 *   for; everything else is charged to the process's own ledger, which reads zero at the end, or
 *   the kernel panics: a leak is a bug that must not stay hidden.
 */
#include "core/captable.h"
#include "core/ledger.h"
#include "kernel/cap/object.h"
#include "kernel/mm/space.h"
#include "kernel/sched/thread.h"

#define PROCESS_NAME_MAX 32u
#define PROCESS_TRACE_MAX 8u
#define PROCESS_CAPSET_MAX 64u

/* As Process.ExitReason in schema/process.capnp. */
enum exit_reason { EXIT_EXITED, EXIT_FAULTED, EXIT_KILLED };

struct exit_record {
    uint32_t reason;
    int64_t code;
    uint32_t vector, error;
    uint64_t address, rip, rsp;
    uint32_t trace_count;
    uint64_t trace[PROCESS_TRACE_MAX];
    uint64_t cpu_time_ns, frames_peak, capset_used;
};

struct process {
    struct object object; /* first: a Process capability leads here */
    uint64_t id;
    char name[PROCESS_NAME_MAX];
    struct ledger ledger;
    struct process *parent; /* guarded by the tree lock, as the next two; NULL for init */
    struct process *children, *sibling_next;
    uint32_t children_running; /* that have not ended */
    bool reaped;               /* its own part is taken apart; it ends when its children have */
    bool finishing;            /* somebody is ending it for good */
    struct space space;
    struct spinlock captable_lock; /* guards captable and what is in it */
    struct captable captable;
    _Atomic bool has_timer; /* some slot holds a Timer: it may read the time-stamp counter */
    _Atomic uint32_t thread_count;
    _Atomic uint64_t cpu_time_ns[CPU_TIME_SLOTS]; /* of turns that are over; see cpu_time.h */
    struct cpu_clock clock;
    _Atomic uint32_t time_waits; /* waits on this clock, or on one of its threads' */
    uint32_t priority_ceiling;   /* of its threads; fixed before it runs */
    uint64_t stack_low, stack_high;
    _Atomic uint64_t clock_page, wall_page; /* where Timer put them; 0: nowhere */
    uint64_t capset[PROCESS_CAPSET_MAX];    /* ids of the grants, for capsetUsed */
    uint32_t capset_count;

    /* Objects that act for this process and live in it: VirtualMemory, ParkSpace, ThreadSpawner. */
    struct object memory, park, threads;

    struct spinlock lock; /* guards the rest */
    struct thread *first_thread;
    struct thread *end_cursor; /* the first thread that has not been told that the process ends */
    uint64_t lasting_frames;   /* charged for objects that may outlive the process */
    bool finished;             /* its ledger is closed: its parent is charged */
    _Atomic bool ending;       /* read without the lock */
    bool ended;
    struct exit_record exit;
    struct operation_queue waiters;
};
_Static_assert(sizeof(struct process) <= PAGE_SIZE, "a process is a page");

extern const struct object_type process_type;

/* An empty process: space, table, ledger, and its first thread, which does not run yet. The image
 * that is to be loaded ends at image_high. The parent's ledger is charged for the struct. */
MUST_CHECK status_t process_create(const char *name, size_t name_length, struct process *parent,
                                   uint64_t frames_limit, uint64_t image_high,
                                   struct process **process_out);
/* Undoes a process that never ran. */
void process_abandon(struct process *process);
/* Its thread is ready to run. */
void process_start(struct process *process);

/*
 * Frames of an object that may outlive the process that made it: a thread, a memory object. While
 * the process lives its ledger is charged; what is left at its end is its parent's. The object
 * holds a reference to the process and gives back what it was charged, whenever that is.
 */
MUST_CHECK status_t process_charge_lasting(struct process *process, uint64_t frames);
void process_refund_lasting(struct process *process, uint64_t frames);

/* Before it runs: the ceiling of its threads' priority, which the parent's bounds. Returns what it
 * is now. */
uint32_t process_set_priority_ceiling(struct process *process, uint32_t ceiling);
/* The priority of a thread whose creator has none. */
uint32_t process_initial_priority(const struct process *process);

/* Puts a new thread on the process's list: overQuota when there are CAPOS_THREADS_MAX, disconnected
 * when the process is ending. */
MUST_CHECK status_t process_add_thread(struct process *process, struct thread *thread);
/* Takes it off. True for the last one, with which the process ends. */
MUST_CHECK bool process_remove_thread(struct process *process, struct thread *thread);

static inline bool process_is_ending(const struct process *process) {
    return atomic_load_explicit(&process->ending, memory_order_relaxed);
}

/* A new slot that holds the object (the reference is the table's from then on). noSlot, overQuota
 * or noMemory: the reference stays the caller's. */
MUST_CHECK status_t process_add_capability(struct process *process, struct object *object,
                                           const void *interface, uint64_t badge, uint64_t *id_out);
/* Empties a slot. badCapability when there is nothing in it. */
MUST_CHECK status_t process_release_capability(struct process *process, uint64_t id);

/* The object that the calling process's id leads to, with a reference, and how it is seen. */
MUST_CHECK status_t process_reference_capability(struct process *process, uint64_t id,
                                                 struct object **object_out,
                                                 const void **interface_out, uint64_t *badge_out);

/*
 * Slots of the calling process have lost what they held (captable_remove, captable_move_commit):
 * waits, with no lock held, until no thread of it uses the object by a look-up from before, gives
 * back slot and reference. With the last Timer goes the time. The caller does not use call->object
 * any more.
 */
void process_drop_removed(struct process *process, const struct captable_slot *removed);

/* Records why, once, and makes the threads end; from any CPU. */
void process_end(struct process *process, const struct exit_record *record);
/* With no lock, by whoever removed the last thread: takes everything apart. */
void process_reap(struct process *process);

/* All processes that have not ended. */
uint32_t process_count(void);
