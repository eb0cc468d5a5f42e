#include "kernel/ring/enter.h"

#include "capos/opcodes.h"
#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/cap/dispatch.h"
#include "kernel/cap/signal_return.h"
#include "kernel/debug/log.h"
#include "kernel/sched/fault.h"
#include "kernel/sched/park.h"
#include "kernel/sched/process.h"
#include "kernel/sched/scheduler.h"

/* A finite deadline is a use of time (design rule 13). CAPOS_POLL and CAPOS_FOREVER are next to
 * each other when the numbers wrap. */
static inline bool is_deadline_allowed(const struct process *process, uint64_t deadline_ns) {
    return deadline_ns + 1 <= 1 || process->has_timer;
}
_Static_assert(CAPOS_POLL == 0 && CAPOS_FOREVER == UINT64_MAX, "is_deadline_allowed");

/* Shared words that make no sense: nothing can be answered in such a ring, so the process ends. */
static void end_for_corrupt_ring(struct thread *thread) {
    log_printf("process %s: its ring is corrupt\n", thread->process->name);
    struct exit_record record = {.reason = EXIT_FAULTED,
                                 .vector = EXIT_VECTOR_CORRUPT_RING,
                                 .address = thread->ring_address,
                                 .rip = thread->frame.rip,
                                 .rsp = thread->frame.rsp};
    process_end(thread->process, &record);
}

static void run_park(struct thread *thread, const struct capos_entry *entry, bool is_register,
                     struct outcome *outcome) {
    struct operation *operation;
    outcome->status = operation_prepare(thread, entry, is_register, &operation);
    if (outcome->status != CAPOS_OK) {
        return;
    }
    status_t status =
        park_wait(thread, entry->capability, entry->argument[0], entry->argument[1], operation);
    outcome->pending = status == PARK_PENDING;
    if (!outcome->pending) {
        operation_give(operation);
        outcome->status = status;
    }
}

static void run_unpark(struct thread *thread, const struct capos_entry *entry,
                       struct outcome *outcome) {
    struct park_reply reply =
        park_wake(thread, entry->capability, entry->argument[0], entry->argument[1]);
    outcome->status = (status_t)reply.result;
    outcome->aux = reply.woken;
}

/* Runs one entry. outcome->pending: it is in flight, and a record completes it. */
static void run_entry(struct thread *thread, const struct capos_entry *entry, bool is_register,
                      struct outcome *outcome) {
    outcome->status = ring_entry_check(entry);
    if (outcome->status == CAPOS_OK && !is_deadline_allowed(thread->process, entry->deadline_ns)) {
        outcome->status = CAPOS_E_NEEDS_TIMER;
    }
    if (outcome->status != CAPOS_OK) {
        return;
    }
    switch (entry->opcode) {
    case CAPOS_OP_NOP:
        break;
    case CAPOS_OP_CALL:
        dispatch_call(thread, entry, is_register, outcome);
        break;
    case CAPOS_OP_RELEASE:
        outcome->status = process_release_capability(thread->process, entry->capability);
        break;
    case CAPOS_OP_PARK:
        run_park(thread, entry, is_register, outcome);
        break;
    case CAPOS_OP_UNPARK:
        run_unpark(thread, entry, outcome);
        break;
    case CAPOS_OP_CANCEL:
        outcome->status = operation_cancel(thread, entry->argument[0]);
        break;
    default:
        outcome->status = CAPOS_E_BAD_OPCODE;
        break;
    }
}

/* The thread waits for its register-form operation, unless that is complete by now, its result in
 * our frame, or there is work that comes first. */
static void wait_for_register_operation(struct thread *thread) {
    spinlock_lock(&thread->ring_lock);
    if (atomic_load_explicit(&thread->register_operation->state, memory_order_relaxed) !=
            OPERATION_FREE &&
        !thread_has_work_locked(thread)) {
        thread->state = THREAD_WAITING;
    }
    spinlock_unlock(&thread->ring_lock);
    cpu_need_attention();
}

void ring_enter_resume(struct thread *thread) {
    if (operation_resume(thread)) {
        wait_for_register_operation(thread);
    }
}

/* The register form of any operation. */
__attribute__((noinline)) static void enter_register(struct thread *thread,
                                                     struct trap_frame *frame) {
    struct outcome outcome = {0};
    uint64_t arguments[3] = {frame->rdx, frame->r10, frame->r8};
    struct capos_entry entry;
    outcome.status =
        ring_entry_from_registers(&entry, frame->rdi, frame->rsi, arguments, frame->r9);
    if (outcome.status == CAPOS_OK) {
        run_entry(thread, &entry, true, &outcome);
    }
    if (outcome.pending) {
        wait_for_register_operation(thread);
        return;
    }
    frame->rax = (uint64_t)(int64_t)outcome.status;
    frame->rdx = outcome.status == CAPOS_OK ? outcome.aux : outcome.detail;
}

/* PARK and UNPARK, which locks use all the time, without an entry in memory. What is refused here,
 * or has something more to it, goes the long way. */
static inline bool enter_park(struct thread *thread, struct trap_frame *frame) {
    const uint64_t park = CAPOS_ENTER_REGISTER | CAPOS_OP_PARK;
    const uint64_t unpark = CAPOS_ENTER_REGISTER | CAPOS_OP_UNPARK;
    if (frame->r8 != 0 || !is_deadline_allowed(thread->process, frame->r9)) {
        return false;
    }
    if (frame->rdi == unpark) {
        struct park_reply reply = park_wake(thread, frame->rsi, frame->rdx, frame->r10);
        frame->rax = (uint64_t)reply.result;
        frame->rdx = reply.woken;
        return true;
    }
    if (frame->rdi == park) {
        struct operation *operation = operation_prepare_register(thread, frame->r9);
        status_t status = park_wait(thread, frame->rsi, frame->rdx, frame->r10, operation);
        if (status == PARK_PENDING) {
            wait_for_register_operation(thread);
        } else {
            operation_give(operation);
            frame->rax = (uint64_t)(int64_t)status;
            frame->rdx = 0;
        }
        return true;
    }
    return false;
}

/* Runs one entry that has been taken from the ring. */
static void submit_entry(struct thread *thread, const struct capos_entry *entry) {
    struct outcome outcome = {0};
    if (thread->chain_open && thread->chain_failed) {
        outcome.status = CAPOS_E_CANCELLED;
    } else {
        run_entry(thread, entry, false, &outcome);
    }
    if (!outcome.pending) {
        struct capos_completion completion = {.user_data = entry->user_data,
                                              .result = outcome.status,
                                              .aux = outcome.aux,
                                              .detail = outcome.detail};
        thread->chain_failed = outcome.status != CAPOS_OK;
        spinlock_lock(&thread->ring_lock);
        ring_complete(&thread->ring, &completion);
        spinlock_unlock(&thread->ring_lock);
    }
    thread->chain_open = (entry->flags & CAPOS_ENTRY_LINK) != 0;
}

/* Takes the next entry that is to run; those that ask for nothing are answered on the way. */
static enum ring_take take_entry(struct thread *thread, struct capos_entry *entry) {
    enum ring_take take = RING_EMPTY;
    spinlock_lock(&thread->ring_lock);
    if (!thread->chain_open) {
        thread->submit_left -= ring_answer_nops(&thread->ring, thread->submit_left);
    }
    if (thread->submit_left > 0) {
        take = ring_take(&thread->ring, entry);
        thread->submit_left -= take == RING_TAKEN;
    }
    spinlock_unlock(&thread->ring_lock);
    return take;
}

/* Takes entries until there are no more, or one that the next is linked to is in flight. False when
 * the ring is corrupt. */
static bool submit_entries(struct thread *thread) {
    while (thread->submit_left > 0 && thread->chain_operation == NULL) {
        struct capos_entry entry;
        enum ring_take take = take_entry(thread, &entry);
        if (take == RING_CORRUPT) {
            return false;
        }
        if (take != RING_TAKEN) {
            thread->submit_left = 0;
            break;
        }
        submit_entry(thread, &entry);
        if ((atomic_load_explicit(&thread->work, memory_order_relaxed) & WORK_END) != 0) {
            thread->submit_left = 0; /* the thread is to end, perhaps by this very entry */
        }
    }
    return true;
}

void ring_close_chain_locked(struct thread *thread) {
    thread->chain_operation = NULL;
    thread->chain_open = false;
    thread->submit_left = 0;
}

/* Ends the cap_enter with a count, or lets the thread wait. False when the linked entry that held
 * up the submission is complete by now, so that there is more to submit first. */
static bool wait_for_completions(struct thread *thread) {
    struct operation *wait = &thread->wait_operation;
    if (thread->submit_left == 0 && thread->chain_operation == NULL) {
        /* Nothing is going on in the chain, so the lock has nothing to guard. */
        uint32_t standing = ring_completion_count(&thread->ring);
        if (standing >= thread->wait_count) {
            thread->frame.rax = standing;
            thread->chain_open = false;
            return true;
        }
    }
    spinlock_lock(&thread->ring_lock);
    if (thread->submit_left > 0 && thread->chain_operation == NULL) {
        spinlock_unlock(&thread->ring_lock);
        return false;
    }
    uint32_t count = ring_completion_count(&thread->ring);
    bool is_enough = count >= thread->wait_count && thread->chain_operation == NULL;
    if (is_enough || thread->wait_deadline_ns <= CAPOS_POLL) {
        thread->frame.rax = count;
        ring_close_chain_locked(thread);
        spinlock_unlock(&thread->ring_lock);
        if (!is_enough) {
            scheduler_yield(); /* who polls in vain lets others run: every program can yield so */
        }
        return true;
    }
    if (thread_has_work_locked(thread)) {
        /* Its end or an upcall comes first. */
        thread->frame.rax = (uint64_t)(int64_t)CAPOS_E_INTERRUPTED;
        ring_close_chain_locked(thread);
        spinlock_unlock(&thread->ring_lock);
        cpu_need_attention();
        return true;
    }
    wait->thread = thread;
    wait->has_deadline = thread->wait_deadline_ns != CAPOS_FOREVER;
    wait->deadline_ns = thread->wait_deadline_ns;
    atomic_store_explicit(&wait->state, OPERATION_PREPARING, memory_order_relaxed);
    thread->state = THREAD_WAITING;
    operation_arm(wait);
    spinlock_unlock(&thread->ring_lock);
    cpu_need_attention();
    return true;
}

void ring_enter_continue(struct thread *thread) {
    do {
        if (!submit_entries(thread)) {
            end_for_corrupt_ring(thread);
            return;
        }
    } while (!wait_for_completions(thread));
}

static void enter_ring(struct thread *thread, struct trap_frame *frame) {
    status_t status = CAPOS_OK;
    if (frame->rdi != 0) {
        status = CAPOS_E_BAD_FLAGS;
    } else if (frame->rdx > CAPOS_RING_COMPLETIONS) {
        status = CAPOS_E_INVALID_ARGUMENT;
    } else if (!is_deadline_allowed(thread->process, frame->r10)) {
        status = CAPOS_E_NEEDS_TIMER;
    }
    if (status != CAPOS_OK) {
        frame->rax = (uint64_t)(int64_t)status;
        return;
    }
    if (frame->rsi == 0) { /* only looks how many stand, or polls in vain */
        frame->rax = ring_completion_count(&thread->ring);
        if (frame->rax >= frame->rdx) {
            return;
        }
        if (frame->r10 == CAPOS_POLL) {
            scheduler_yield();
            return;
        }
    }
    uint64_t most = CAPOS_RING_ENTRIES;
    thread->submit_left = (uint32_t)(frame->rsi < most ? frame->rsi : most);
    thread->wait_count = (uint32_t)frame->rdx;
    thread->wait_deadline_ns = frame->r10;
    thread->chain_open = thread->chain_failed = false;
    thread->chain_operation = NULL;
    ring_enter_continue(thread);
}

__attribute__((noinline)) static void exit_process(struct thread *thread) {
    struct exit_record record = {.reason = EXIT_EXITED, .code = (int64_t)thread->frame.rdi};
    process_end(thread->process, &record);
}

void syscall_dispatch(struct thread *thread) {
    struct trap_frame *frame = &thread->frame;
    if (frame->rax == CAPOS_SYS_CAP_ENTER) {
        if ((frame->rdi & CAPOS_ENTER_REGISTER) == 0) {
            enter_ring(thread, frame);
        } else if (!enter_park(thread, frame)) {
            if (signal_is_return(thread)) {
                upcall_return(thread, frame->rdx);
            }
            enter_register(thread, frame);
        }
    } else if (frame->rax == CAPOS_SYS_EXIT) {
        exit_process(thread);
    } else {
        frame->rax = (uint64_t)(int64_t)CAPOS_E_BAD_OPCODE;
    }
}
