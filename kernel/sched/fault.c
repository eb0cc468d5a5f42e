#include "kernel/sched/fault.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/debug/log.h"
#include "kernel/sched/process.h"

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

void fault_handle(struct trap_frame *frame, uint64_t address) {
    struct thread *thread = cpu_current()->thread;
    struct process *process = thread->process;
    bool is_page_fault = frame->vector == TRAP_PAGE_FAULT;
    /* Without the bit it is the CPU itself that looked for a descriptor there. */
    if (is_page_fault && (frame->error & PAGE_FAULT_USER) != 0 &&
        space_fault(&process->space, address, access_of(frame->error)) == CAPOS_OK) {
        return;
    }
    struct exit_record record = {.reason = EXIT_FAULTED,
                                 .vector = (uint32_t)frame->vector,
                                 .error = (uint32_t)frame->error,
                                 .address = address,
                                 .rip = frame->rip,
                                 .rsp = frame->rsp};
    take_backtrace(process, frame, &record);
    bool is_overflow = is_page_fault && address < process->stack_low &&
                       address + (UINT64_C(1) << 20) >= process->stack_low;
    log_printf("process %lu (%s): %s%s at rip 0x%lx, address 0x%lx, error 0x%lx\n", process->id,
               process->name, vector_name(frame->vector), is_overflow ? " (stack overflow)" : "",
               frame->rip, address, frame->error);
    process_end(process, &record);
}
