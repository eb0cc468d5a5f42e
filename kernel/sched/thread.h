#pragma once
/*
 * A thread: registers, ring, operations, and its place in the scheduler. Also the object behind a
 * Thread capability, which outlives the thread itself.
 *
 * Rules
 * - state is changed under ring_lock, but for READY -> RUNNING -> READY, which the CPU does that
 *   takes the thread from a run queue. Lock order: object -> ring_lock -> run queue, timers.
 * - on_cpu is true while a CPU holds state of the thread that is not in this struct (vector
 *   registers); another CPU that wants to run it waits.
 * - A thread ends itself: whoever wants its end sets WORK_END, and the thread takes itself apart on
 *   its own CPU. The struct is a frame that the process is charged for as long as anybody holds the
 *   thread; it holds its process.
 */
#include <stdatomic.h>

#include "core/ring.h"
#include "kernel/arch/x86_64/trap.h"
#include "kernel/cap/object.h"
#include "kernel/ring/operation.h"
#include "kernel/sched/cpu_time.h"
#include "kernel/sched/run_queue.h"
#include "kernel/sched/upcall.h"
#include "kernel/spinlock.h"
#include "kernel/types.h"

struct process;

enum thread_state {
    THREAD_NEW,     /* made, not started */
    THREAD_READY,   /* in a run queue, or about to be */
    THREAD_RUNNING, /* on a CPU */
    THREAD_WAITING, /* in cap_enter: for completions or for its register-form operation */
    THREAD_ENDED,
};

/* Bits of the work word (design rule 18): tested on the way out of the kernel. */
enum {
    WORK_END = 1 << 0,    /* the thread or its process is to end */
    WORK_SUBMIT = 1 << 1, /* a linked entry is complete: go on with the submission */
    WORK_UPCALL = 1 << 2, /* see kernel/sched/upcall.h */
    WORK_PLACE = 1 << 3,  /* its band or its CPUs have changed: it takes its turn anew */
};

#define THREAD_NAME_MAX 32u
#define THREAD_RECORD_FRAMES 2u
#define THREAD_RECORDS_PER_FRAME (CAPOS_RING_IN_FLIGHT_MAX / THREAD_RECORD_FRAMES)

/* What ThreadControl.exit asks for. */
struct thread_exit {
    uint64_t word;                    /* user address to clear and unpark, or 0 */
    uint64_t stack, stack_size_bytes; /* to unmap; size 0: nothing */
};

struct thread {
    struct trap_frame frame; /* first: the entry code saves it here */
    struct object object;
    struct process *process; /* holds a reference */
    uint64_t id;
    uint64_t fs_base;
    uint8_t *vector_state; /* XSAVE area: behind this struct, or in a frame of its own */
    _Atomic uint32_t work;
    _Atomic bool on_cpu;

    struct spinlock ring_lock; /* guards state, ring, operations and the wait below */
    enum thread_state state;
    struct ring_state ring;
    /* CAPOS_RING_IN_FLIGHT_MAX records; a frame of them comes when the first is needed. */
    struct operation *records[THREAD_RECORD_FRAMES];
    uint32_t records_free; /* bit n: record n is free */
    /* Two, since the handler of an upcall may use the register form while a CALL goes on below. */
    struct operation register_records[2];
    struct operation *register_operation; /* the one to use now */
    struct operation wait_operation;      /* armed while the thread waits for completions */
    uint32_t wait_count;                  /* how many end the wait */
    uint32_t submit_left;                 /* entries that this cap_enter may still take */
    uint64_t wait_deadline_ns;
    struct operation *chain_operation; /* in flight, and the next entry is linked to it; or NULL */
    bool chain_failed;                 /* an entry of the chain failed: the rest is cancelled */
    bool chain_open;                   /* the entry taken last had CAPOS_ENTRY_LINK */
    struct upcall upcall;

    _Atomic uint32_t home;        /* see kernel/sched/run_queue.h, as for the next one */
    struct ready_node ready;      /* band and CPUs are changed under ring_lock as well */
    _Atomic uint32_t cpu;         /* the CPU on which it runs or ran last */
    _Atomic uint64_t cpu_time_ns; /* of the times when it did not run; see cpu_time.h */
    struct cpu_clock clock;

    /* The ParkSpace that it used last, good while the table has not changed since. */
    uint64_t park_capability;
    uint32_t park_changes;

    struct thread_exit exit;
    uint64_t ring_address; /* in the process's space */

    struct spinlock lock; /* guards the next three; comes before ring_lock */
    char name[THREAD_NAME_MAX];
    bool ended;
    struct operation_queue joiners;

    /* Guarded by process->lock: the threads of the process. */
    struct thread *process_next, *process_previous;
};

extern const struct object_type thread_type;

/*
 * A new thread of a process, with a ring, not started; charged to the process's ledger. The result
 * holds a reference, which the thread itself gives up when it ends. overQuota, noMemory, or
 * disconnected when the process is ending.
 */
MUST_CHECK status_t thread_create(struct process *process, struct thread **thread_out);
/* It is ready to run. */
void thread_start(struct thread *thread);
/* Undoes a thread that never ran. */
void thread_abandon(struct thread *thread);

/* On the CPU whose current thread this is, with no lock: takes it apart, and its process with the
 * last one. */
void thread_reap(struct thread *thread);

/* Record n of the thread's pool, whose frame is there. */
static inline struct operation *thread_record(struct thread *thread, uint32_t index) {
    return &thread->records[index / THREAD_RECORDS_PER_FRAME][index % THREAD_RECORDS_PER_FRAME];
}

/* Under ring_lock: makes a waiting thread ready and puts it into a run queue. */
void thread_wake_locked(struct thread *thread);

/* All threads that have not ended. */
uint32_t thread_count(void);

/* Sets bits of the work word, and sees to it that the thread looks at them soon. */
void thread_post_work(struct thread *thread, uint32_t bits);
void thread_post_work_locked(struct thread *thread, uint32_t bits);
/* Under ring_lock, by the thread itself: that comes before any wait. */
bool thread_must_work_locked(struct thread *thread, uint32_t work);
static inline bool thread_has_work_locked(struct thread *thread) {
    uint32_t work = atomic_load_explicit(&thread->work, memory_order_seq_cst);
    return work != 0 && thread_must_work_locked(thread, work);
}
/* Somebody has set bits: if a CPU has the thread, it looks at them soon. */
void thread_show_work(struct thread *thread);
