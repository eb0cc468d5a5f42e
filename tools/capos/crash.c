#include "tools/capos/crash.h"

#include <inttypes.h>
#include <string.h>

#include "tools/capos/message.h"

#define VECTORS 32u /* of CPU exceptions */
#define VECTOR_PAGE_FAULT 14u

/* Error code of a page fault: Intel SDM volume 3, section 4.7. */
#define PAGE_FAULT_PRESENT (1u << 0)
#define PAGE_FAULT_WRITE (1u << 1)
#define PAGE_FAULT_FETCH (1u << 4)

/* Below this no page is ever mapped: an address here was computed from a null pointer. */
#define NULL_POINTER_LIMIT 4096u
/* A stack grows by pushes and frames: its overflow faults near the stack pointer. */
#define STACK_OVERFLOW_REACH (UINT64_C(64) << 10)

const char *crash_vector_name(uint32_t vector) {
    /* Intel SDM volume 3, table 6-1. */
    static const char *const names[] = {
        [0] = "division error",
        [1] = "debug exception",
        [2] = "non-maskable interrupt",
        [3] = "breakpoint",
        [4] = "overflow",
        [5] = "bound range exceeded",
        [6] = "invalid instruction",
        [7] = "no floating-point unit",
        [8] = "double fault",
        [10] = "invalid task segment",
        [11] = "segment not present",
        [12] = "stack segment fault",
        [13] = "general protection fault",
        [14] = "page fault",
        [16] = "x87 floating-point exception",
        [17] = "misaligned access",
        [18] = "machine check",
        [19] = "SIMD floating-point exception",
        [20] = "virtualization exception",
        [21] = "control protection fault",
        /* No exceptions, but ends of capOS's own: docs/abi.md. */
        [64] = "corrupt ring",
        [65] = "bad frame or stack of an upcall",
    };
    if (vector < sizeof names / sizeof names[0] && names[vector] != NULL) {
        return names[vector];
    }
    return "reserved exception";
}

static void describe_page_fault(struct crash *crash, const struct run_report *report) {
    const bool is_fetch = (report->error_code & PAGE_FAULT_FETCH) != 0;
    const bool is_write = (report->error_code & PAGE_FAULT_WRITE) != 0;
    const bool is_present = (report->error_code & PAGE_FAULT_PRESENT) != 0;
    const char *hint = "";
    if (report->address < NULL_POINTER_LIMIT) {
        hint = " (null pointer)";
    } else if (is_present) {
        hint = is_fetch   ? " (memory that is not executable)"
               : is_write ? " (memory that is read-only)"
                          : " (memory that is not readable)";
    } else if (report->address + STACK_OVERFLOW_REACH > report->rsp &&
               report->address < report->rsp + STACK_OVERFLOW_REACH) {
        hint = " (stack overflow)";
    }
    snprintf(crash->text, sizeof crash->text, "page fault %s address 0x%" PRIx64 "%s",
             is_fetch   ? "executing"
             : is_write ? "writing"
                        : "reading",
             report->address, hint);
}

void crash_describe(struct crash *crash, const struct run_report *report,
                    const char *program_path) {
    *crash = (struct crash){0};
    if (report->vector == VECTOR_PAGE_FAULT) {
        describe_page_fault(crash, report);
    } else {
        snprintf(crash->text, sizeof crash->text, "%s (%s %" PRIu32 ")",
                 crash_vector_name(report->vector),
                 report->vector < VECTORS ? "exception" : "fault", report->vector);
    }
    crash->frames[crash->frame_count++].address = report->rip;
    for (uint32_t i = 0; i < report->backtrace_count && report->backtrace[i] != 0; i++) {
        crash->frames[crash->frame_count++].address = report->backtrace[i];
    }
    crash->has_symbols = symbolize(program_path, crash->frames, crash->frame_count);
}

/* "dereference at demos/c/fault/main.c:12", as far as it is known. */
static void format_place(const struct symbol *symbol, char *buffer, size_t size) {
    const char *function = symbol->function[0] != '\0' ? symbol->function : "an unknown function";
    if (symbol->file[0] != '\0') {
        snprintf(buffer, size, "%s at %s:%u", function, symbol->file, symbol->line);
    } else {
        snprintf(buffer, size, "%s", function);
    }
}

void crash_print(const struct crash *crash, const char *program_name) {
    char place[SYMBOL_FUNCTION_MAX + SYMBOL_FILE_MAX + 32];
    if (!crash->has_symbols) {
        message_error(program_name,
                      "%s at instruction 0x%" PRIx64
                      "; for function and line install llvm-symbolizer: apt-get install llvm-19",
                      crash->text, crash->frames[0].address);
        return;
    }
    format_place(&crash->frames[0], place, sizeof place);
    message_error(program_name, "%s; in %s", crash->text, place);
    for (size_t i = 0; i < crash->frame_count; i++) {
        format_place(&crash->frames[i], place, sizeof place);
        fprintf(stderr, "    #%zu 0x%016" PRIx64 " %s\n", i, crash->frames[i].address, place);
    }
}
