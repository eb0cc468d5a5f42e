#include "kernel/sched/fault.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/debug/log.h"
#include "kernel/sched/process.h"
#include "kernel/sched/upcall.h"

static const char *const names[] = {
    [0] = "division error",
    [1] = "single step",
    [3] = "breakpoint",
    [4] = "overflow",
    [5] = "bound range exceeded",
    [6] = "invalid instruction",
    [7] = "no x87",
    [8] = "double fault",
    [10] = "invalid task state",
    [11] = "segment not present",
    [12] = "stack segment fault",
    [13] = "general protection fault",
    [14] = "page fault",
    [16] = "x87 floating point error",
    [17] = "alignment check",
    [19] = "SIMD floating point error",
    [21] = "control protection",
};

static const char *vector_name(uint64_t vector) {
    return vector < ARRAY_COUNT(names) && names[vector] != NULL ? names[vector] : "exception";
}

static uint32_t access_of(uint64_t error) {
    if ((error & PAGE_FAULT_FETCH) != 0) {
        return PROTECT_EXECUTE;
    }
    return (error & PAGE_FAULT_WRITE) != 0 ? PROTECT_WRITE : PROTECT_READ;
}

/* The return addresses of the innermost frames, by frame pointers that may be lies. */
static void take_backtrace(struct process *process, const struct trap_frame *frame,
                           struct exit_record *record) {
    uint64_t pair[2], rbp = frame->rbp;
    while (record->trace_count < PROCESS_TRACE_MAX && rbp != 0 && rbp % 8 == 0 &&
           space_copy_in(&process->space, pair, rbp, sizeof pair) == CAPOS_OK && pair[1] != 0) {
        record->trace[record->trace_count++] = pair[1];
        if (pair[0] <= rbp) { /* stacks grow down: a frame further out lies higher */
            break;
        }
        rbp = pair[0];
    }
}

/* Nobody has handled it. Out of line, so that faults that are mended save no registers. */
__attribute__((noinline)) static void end_process(struct process *process,
                                                  const struct trap_frame *frame, uint64_t address,
                                                  enum upcall_outcome outcome) {
    struct exit_record record = {.reason = EXIT_FAULTED,
                                 .vector = (uint32_t)frame->vector,
                                 .error = (uint32_t)frame->error,
                                 .address = address,
                                 .rip = frame->rip,
                                 .rsp = frame->rsp};
    take_backtrace(process, frame, &record);
    bool is_overflow = frame->vector == TRAP_PAGE_FAULT && address < process->stack_low &&
                       address + (UINT64_C(1) << 20) >= process->stack_low;
    static const char *const remarks[] = {
        [UPCALL_NO_HANDLER] = "",
        [UPCALL_MASKED] = "; faults were masked, as in a handler",
        [UPCALL_NO_STACK] = "; its stack for upcalls cannot be written",
    };
    log_printf("process %lu (%s): %s%s at rip 0x%lx, rsp 0x%lx, address 0x%lx, error 0x%lx%s\n",
               process->id, process->name, vector_name(frame->vector),
               is_overflow ? " (stack overflow)" : "", frame->rip, frame->rsp, address,
               frame->error, remarks[outcome]);
    process_end(process, &record);
}

void fault_handle(struct trap_frame *frame, uint64_t address) {
    struct thread *thread = cpu_current()->thread;
    /* Without the bit it is the CPU itself that looked for a descriptor there. */
    if (frame->vector == TRAP_PAGE_FAULT && (frame->error & PAGE_FAULT_USER) != 0 &&
        space_fault(&thread->process->space, address, access_of(frame->error)) == CAPOS_OK) {
        return;
    }
    enum upcall_outcome outcome = upcall_fault(thread, address);
    if (outcome != UPCALL_ENTERED) {
        end_process(thread->process, frame, address, outcome);
    }
}
