#pragma once
/*
 * A process: an address space, a capability table, a ledger, threads. Also the object behind a
 * Process capability, which outlives the process itself.
 *
 * Rules
 * - lock guards the exit record and the waiters. captable_lock guards the table.
 * - Ledgers form a tree, and the tree is the kill domain: when a process ends, so do those that it
 *   spawned, and it has ended when they have. The struct is a frame that the parent's ledger pays
 *   for; everything else is charged to the process's own ledger, which reads zero at the end, or
 * the kernel panics: a leak is a bug that must not stay hidden.
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
    struct thread *thread; /* the one thread; NULL when it has ended */
    bool has_timer;        /* some slot holds a Timer: it may read the time-stamp counter */
    uint64_t stack_low, stack_high;
    uint64_t clock_page;                 /* where Timer.clockPage put it; 0: nowhere */
    uint64_t capset[PROCESS_CAPSET_MAX]; /* ids of the grants, for capsetUsed */
    uint32_t capset_count;

    struct object memory; /* VirtualMemory of this process; it lives in the process */

    struct spinlock lock; /* guards the rest */
    bool ending, ended;
    struct exit_record exit;
    struct operation_queue waiters;
};
_Static_assert(sizeof(struct process) <= PAGE_SIZE, "a process is a page");

extern const struct object_type process_type;

/* An empty process: space, table, ledger, no thread. payer is charged for the struct. */
MUST_CHECK status_t process_create(const char *name, size_t name_length, struct process *parent,
                                   uint64_t frames_limit, struct process **process_out);
/* Undoes a process that never ran. */
void process_abandon(struct process *process);
/* Its thread is ready to run. */
void process_start(struct process *process);

/* A new slot that holds the object (the reference is the table's from then on). noSlot, overQuota
 * or noMemory: the reference stays the caller's. */
MUST_CHECK status_t process_add_capability(struct process *process, struct object *object,
                                           const void *interface, uint64_t badge, uint64_t *id_out);
/* Empties a slot. badCapability when there is nothing in it. */
MUST_CHECK status_t process_release_capability(struct process *process, uint64_t id);

/* A slot of the calling process has lost what it held: with the last Timer goes the time. */
void process_note_removed(struct process *process, const void *interface);

/* Records why, once, and makes the thread end; from any CPU. */
void process_end(struct process *process, const struct exit_record *record);
/* On the CPU whose current thread belongs to it, with no lock: takes everything apart. */
void process_reap(struct process *process);

/* All processes that have not ended. */
uint32_t process_count(void);
