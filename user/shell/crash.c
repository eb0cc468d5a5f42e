#include "user/shell/crash.h"

#include "user/shell/debug_info.h"
#include "user/shell/package.h"

/* Error code of a page fault: SDM volume 3A, section 4.7. */
enum { FAULT_PRESENT = 1, FAULT_WRITE = 2, FAULT_FETCH = 16 };

/* SDM volume 3A, table 6-1. */
static const char *vector_text(uint32_t vector) {
    static const char *const texts[32] = {
        [0] = "divide error",        [1] = "debug exception", [3] = "breakpoint",
        [6] = "invalid instruction", [12] = "stack fault",    [13] = "general protection fault",
        [14] = "page fault",         [16] = "x87 exception",  [17] = "alignment check",
        [19] = "SIMD exception",
    };
    if (vector >= 32) {
        return vector == 64 ? "corrupt ring" : "bad frame or stack of an upcall";
    }
    return texts[vector] != NULL ? texts[vector] : "exception";
}

static void print_reason(const char *name, const struct capos_process_wait_results *end) {
    capos_printf("%s: crashed: %s", name, vector_text(end->vector));
    if (end->vector == 14) {
        const char *access = (end->error_code & FAULT_FETCH) != 0   ? "executing"
                             : (end->error_code & FAULT_WRITE) != 0 ? "writing"
                                                                    : "reading";
        capos_printf(" %s address 0x%lx%s", access, end->address,
                     end->address < CAPOS_PAGE_SIZE ? " (a null pointer)" : "");
    }
    capos_print("\n");
}

/* A return address belongs to the call before it, so `lookup` is one less there. */
static void print_frame(const char *word, const void *file, size_t size, uint64_t address,
                        uint64_t lookup) {
    const char *function = debug_function_find(file, size, lookup);
    const char *source;
    uint32_t line;
    capos_printf("  %s 0x%lx", word, address);
    if (function != NULL) {
        capos_printf(" %s", function);
    }
    if (debug_line_find(file, size, lookup, &source, &line)) {
        capos_printf(" (%s:%u)", source, line);
    }
    capos_print("\n");
}

void crash_print(const char *name, const struct capos_process_wait_results *end) {
    const uint64_t trace[] = {end->trace0, end->trace1, end->trace2, end->trace3,
                              end->trace4, end->trace5, end->trace6, end->trace7};
    uint32_t index;
    size_t size = 0;
    void *file = package_find(name, &index) ? package_load(index, &size) : NULL;
    print_reason(name, end);
    print_frame("at", file, size, end->rip, end->rip);
    for (uint32_t frame = 0; frame < end->trace_count && frame < 8; frame++) {
        print_frame("by", file, size, trace[frame], trace[frame] - 1);
    }
    capos_free(file);
}
