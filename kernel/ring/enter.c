#include "kernel/ring/enter.h"

#include "capos/opcodes.h"
#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/cap/dispatch.h"
#include "kernel/debug/log.h"
#include "kernel/sched/fault.h"
#include "kernel/sched/process.h"
#include "kernel/sched/scheduler.h"

/* A finite deadline is a use of time (design rule 13). */
static bool is_deadline_allowed(const struct process *process, uint64_t deadline_ns) {
    return deadline_ns == CAPOS_POLL || deadline_ns == CAPOS_FOREVER || process->has_timer;
}

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

static void run_opcode(struct thread *thread, const struct capos_entry *entry,
                       struct operation *operation, struct outcome *outcome) {
    switch (entry->opcode) {
    case CAPOS_OP_NOP:
        break;
    case CAPOS_OP_CALL:
        dispatch_call(thread, entry, operation, outcome);
        break;
    case CAPOS_OP_RELEASE:
        outcome->status = process_release_capability(thread->process, entry->capability);
        break;
    case CAPOS_OP_CANCEL:
        outcome->status = operation_cancel(thread, entry->argument[0]);
        break;
    default:
        outcome->status = CAPOS_E_BAD_OPCODE;
        break;
    }
}

/* Runs one entry. Returns false when it is in flight: then `operation` completes it. */
static bool run_entry(struct thread *thread, const struct capos_entry *entry,
                      struct operation *operation, struct outcome *outcome) {
    outcome->status = ring_entry_check(entry);
    if (outcome->status == CAPOS_OK && !is_deadline_allowed(thread->process, entry->deadline_ns)) {
        outcome->status = CAPOS_E_NEEDS_TIMER;
    }
    if (outcome->status != CAPOS_OK) {
        return true;
    }
    operation->thread = thread;
    operation->space = &thread->process->space;
    operation->user_data = entry->user_data;
    operation->flags = entry->flags;
    operation->unlink = NULL;
    operation->object = NULL;
    operation->message = 0;
    operation->has_deadline = entry->deadline_ns != CAPOS_FOREVER;
    operation->deadline_ns = entry->deadline_ns;
    operation->deadline_is_success = false;
    run_opcode(thread, entry, operation, outcome);
    return !outcome->pending;
}

static void enter_register(struct thread *thread, struct trap_frame *frame) {
    uint64_t arguments[3] = {frame->rdx, frame->r10, frame->r8};
    struct capos_entry entry;
    struct outcome outcome = {0};
    struct operation *operation = &thread->register_operation;
    outcome.status =
        ring_entry_from_registers(&entry, frame->rdi, frame->rsi, arguments, frame->r9);
    if (outcome.status == CAPOS_OK) {
        atomic_store_explicit(&operation->state, OPERATION_PREPARING, memory_order_relaxed);
        if (!run_entry(thread, &entry, operation, &outcome)) {
            spinlock_lock(&thread->ring_lock);
            /* It may be complete by now, its result in our frame; or the thread may be about to
             * end, as thread_post_work says before it takes this lock. */
            if (atomic_load_explicit(&operation->state, memory_order_relaxed) != OPERATION_FREE &&
                atomic_load_explicit(&thread->work, memory_order_seq_cst) == 0) {
                thread->state = THREAD_WAITING;
            }
            spinlock_unlock(&thread->ring_lock);
            return;
        }
        atomic_store_explicit(&operation->state, OPERATION_FREE, memory_order_relaxed);
    }
    frame->rax = (uint64_t)(int64_t)outcome.status;
    frame->rdx = outcome.status == CAPOS_OK ? outcome.aux : outcome.detail;
}

static void complete_inline(struct thread *thread, const struct capos_entry *entry,
                            const struct outcome *outcome) {
    struct capos_completion completion = {.user_data = entry->user_data,
                                          .result = outcome->status,
                                          .aux = outcome->aux,
                                          .detail = outcome->detail};
    spinlock_lock(&thread->ring_lock);
    ring_complete(&thread->ring, &completion);
    spinlock_unlock(&thread->ring_lock);
}

/* Runs one entry that has been taken from the ring. */
static void submit_entry(struct thread *thread, const struct capos_entry *entry) {
    struct outcome outcome = {0};
    bool is_linked = (entry->flags & CAPOS_ENTRY_LINK) != 0;
    if (thread->chain_open && thread->chain_failed) {
        outcome.status = CAPOS_E_CANCELLED;
    }
    bool complete = true;
    if (outcome.status == CAPOS_OK) {
        struct operation *operation = operation_take(thread);
        outcome.status = operation == NULL ? CAPOS_E_BUSY : CAPOS_OK;
        if (operation != NULL) {
            /* Set before the entry runs: it may be complete before run_entry returns. */
            thread->chain_operation = is_linked ? operation : NULL;
            complete = run_entry(thread, entry, operation, &outcome);
            if (complete) {
                thread->chain_operation = NULL;
                operation_give(operation);
            }
        }
    }
    if (complete) {
        thread->chain_failed = outcome.status != CAPOS_OK;
        complete_inline(thread, entry, &outcome);
    }
    thread->chain_open = is_linked;
}

/* What is left of the chain when its cap_enter is over: nothing. */
static void close_chain(struct thread *thread) {
    spinlock_lock(&thread->ring_lock);
    thread->chain_operation = NULL;
    thread->chain_open = false;
    thread->submit_left = 0;
    spinlock_unlock(&thread->ring_lock);
}

/* Takes entries until there are no more, or one that the next is linked to is in flight. */
static bool submit_entries(struct thread *thread) {
    while (thread->submit_left > 0 && thread->chain_operation == NULL) {
        struct capos_entry entry;
        spinlock_lock(&thread->ring_lock);
        enum ring_take take = ring_take(&thread->ring, &entry);
        spinlock_unlock(&thread->ring_lock);
        if (take == RING_CORRUPT) {
            return false;
        }
        if (take != RING_TAKEN) {
            thread->submit_left = 0;
            break;
        }
        thread->submit_left--;
        submit_entry(thread, &entry);
    }
    return true;
}

/* Ends the cap_enter with a count, or lets the thread wait. False when the linked entry that held
 * up the submission is complete by now, so that there is more to submit first. */
static bool wait_for_completions(struct thread *thread) {
    struct operation *wait = &thread->wait_operation;
    spinlock_lock(&thread->ring_lock);
    if (thread->submit_left > 0 && thread->chain_operation == NULL) {
        spinlock_unlock(&thread->ring_lock);
        return false;
    }
    uint32_t count = ring_completion_count(&thread->ring);
    bool is_enough = count >= thread->wait_count && thread->chain_operation == NULL;
    if (is_enough || thread->wait_deadline_ns <= CAPOS_POLL) {
        thread->frame.rax = count;
        spinlock_unlock(&thread->ring_lock);
        close_chain(thread);
        if (!is_enough) {
            scheduler_yield(); /* who polls in vain lets others run: every program can yield so */
        }
        return true;
    }
    if (atomic_load_explicit(&thread->work, memory_order_seq_cst) != 0) {
        spinlock_unlock(&thread->ring_lock);
        return true; /* still running: that comes first, see thread_post_work */
    }
    wait->thread = thread;
    wait->has_deadline = thread->wait_deadline_ns != CAPOS_FOREVER;
    wait->deadline_ns = thread->wait_deadline_ns;
    atomic_store_explicit(&wait->state, OPERATION_PREPARING, memory_order_relaxed);
    thread->state = THREAD_WAITING;
    operation_arm(wait);
    spinlock_unlock(&thread->ring_lock);
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
    struct process *process = thread->process;
    status_t status = CAPOS_OK;
    if (frame->rdi != 0) {
        status = CAPOS_E_BAD_FLAGS;
    } else if (frame->rdx > CAPOS_RING_COMPLETIONS) {
        status = CAPOS_E_INVALID_ARGUMENT;
    } else if (!is_deadline_allowed(process, frame->r10)) {
        status = CAPOS_E_NEEDS_TIMER;
    }
    if (status != CAPOS_OK) {
        frame->rax = (uint64_t)(int64_t)status;
        return;
    }
    uint64_t most = CAPOS_RING_ENTRIES;
    thread->submit_left = (uint32_t)(frame->rsi < most ? frame->rsi : most);
    thread->wait_count = (uint32_t)frame->rdx;
    thread->wait_deadline_ns = frame->r10;
    thread->chain_open = thread->chain_failed = false;
    thread->chain_operation = NULL;
    ring_enter_continue(thread);
}

void syscall_dispatch(struct trap_frame *frame) {
    struct thread *thread = cpu_current()->thread;
    ASSERT(frame == &thread->frame);
    if (frame->rax == CAPOS_SYS_CAP_ENTER) {
        if ((frame->rdi & CAPOS_ENTER_REGISTER) != 0) {
            enter_register(thread, frame);
        } else {
            enter_ring(thread, frame);
        }
    } else if (frame->rax == CAPOS_SYS_EXIT) {
        struct exit_record record = {.reason = EXIT_EXITED, .code = (int64_t)frame->rdi};
        process_end(thread->process, &record);
    } else {
        frame->rax = (uint64_t)(int64_t)CAPOS_E_BAD_OPCODE;
    }
}
