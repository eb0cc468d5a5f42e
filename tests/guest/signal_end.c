// grants: console,signals,memory,spawner
// cpus: any
// also: --cpu qemu64

/*
 * Signal: what ends the process. Each case runs in a child, which must end by the fault that is its
 * own, and the kernel must not mind.
 */
#include <capos/handler.h>

#include "tests/guest/child.h"
#include "tests/guest/tap.h"

#define BREAKPOINT 3u
#define INVALID_INSTRUCTION 6u
#define PAGE_FAULT 14u
#define BAD_UPCALL 65u
#define EXITS 255u

#define USER_HIGH UINT64_C(0x7ffffffff000)
#define AREA_MXCSR 24u
#define AREA_HEADER 512u /* and the size of the area where there is no XSAVE */

static capos_cap_t signals, memory;
static _Alignas(4096) uint8_t stack[16384];

static int64_t begin(capos_handler *handler) {
    return capos_handler_begin(signals, handler, stack, sizeof stack);
}

static void go_on(struct capos_upcall_frame *frame) {
    (void)frame;
}

/* Faults that no handler gets. */

static int case_unregistered(void) {
    if (begin(go_on) != 0 || capos_handler_end(signals) != 0) {
        return 1;
    }
    __asm__ volatile("int3");
    return 1;
}

static int case_masked(void) {
    uint64_t previous;
    if (begin(go_on) != 0 ||
        capos_signal_set_mask(signals, CAPOS_UPCALL_MASK_FAULTS, &previous) != 0) {
        return 1;
    }
    __asm__ volatile("int3");
    return 1;
}

/* A mask for interrupts is none for faults. */
static int case_interrupts_masked(void) {
    uint64_t previous;
    if (begin(go_on) != 0 ||
        capos_signal_set_mask(signals, CAPOS_UPCALL_MASK_INTERRUPTS, &previous) != 0) {
        return 1;
    }
    __asm__ volatile("int3");
    return 0;
}

static void fault_again(struct capos_upcall_frame *frame) {
    (void)frame;
    __asm__ volatile("ud2");
}
static int case_nested(void) {
    if (begin(fault_again) == 0) {
        __asm__ volatile("int3");
    }
    return 1;
}

/* A handler that unmasks and faults for ever uses its stack up. */
static void fault_deeper(struct capos_upcall_frame *frame) {
    uint64_t previous;
    (void)frame;
    (void)capos_signal_set_mask(signals, 0, &previous);
    __asm__ volatile("int3");
}
static int case_deeper(void) {
    if (begin(fault_deeper) == 0) {
        __asm__ volatile("int3");
    }
    return 1;
}

/* Stacks that cannot take a frame. */

static int break_on_stack(uint64_t address, uint64_t size) {
    if (capos_handler_begin(signals, go_on, (void *)(uintptr_t)address, size) == 0) {
        __asm__ volatile("int3");
    }
    return 1;
}
static int case_stack_unmapped(void) {
    return break_on_stack(0x1000, 8192);
}
static int case_stack_read_only(void) {
    uint64_t address;
    if (capos_virtual_memory_map(memory, 0, 16384, CAPOS_PROTECTION_READ, &address) != 0) {
        return 1;
    }
    return break_on_stack(address, 16384);
}
static int case_stack_of_code(void) {
    return break_on_stack((uintptr_t)break_on_stack & ~UINT64_C(4095), 8192);
}
static int case_start_page(void) {
    return break_on_stack((uintptr_t)capos_start_page - 4096, 8192);
}
/* The page where the frame would fit is missing. */
static int case_stack_half_mapped(void) {
    uint64_t address;
    if (capos_virtual_memory_map(memory, 0, 12288, CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE,
                                 &address) != 0 ||
        capos_virtual_memory_unmap(memory, address + 4096, 4096) != 0) {
        return 1;
    }
    return break_on_stack(address, 8192 + 512);
}
/* It was written to before, and is gone. */
static int case_stack_taken_away(void) {
    uint64_t address;
    if (capos_virtual_memory_map(memory, 0, 8192, CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE,
                                 &address) != 0 ||
        capos_handler_begin(signals, go_on, (void *)(uintptr_t)address, 8192) != 0) {
        return 1;
    }
    __asm__ volatile("int3");
    if (capos_virtual_memory_unmap(memory, address, 8192) != 0) {
        return 1;
    }
    __asm__ volatile("ud2");
    return 1;
}
static int case_stack_protected(void) {
    uint64_t address;
    if (capos_virtual_memory_map(memory, 0, 8192, CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE,
                                 &address) != 0 ||
        capos_handler_begin(signals, go_on, (void *)(uintptr_t)address, 8192) != 0) {
        return 1;
    }
    __asm__ volatile("int3");
    if (capos_virtual_memory_protect(memory, address, 8192, CAPOS_PROTECTION_READ) != 0) {
        return 1;
    }
    __asm__ volatile("ud2");
    return 1;
}

/* No alternate stack, and a stack pointer that is none. */
static int break_with_rsp(uint64_t rsp) {
    if (capos_handler_begin(signals, go_on, NULL, 0) == 0) {
        __asm__ volatile("movq %0, %%rsp\n int3" : : "r"(rsp));
    }
    return 1;
}
static int case_rsp_null(void) {
    return break_with_rsp(0);
}
static int case_rsp_in_page_0(void) {
    return break_with_rsp(3000);
}
static int case_rsp_at_page_1(void) {
    return break_with_rsp(4096 + 1200);
}
static int case_rsp_at_top(void) {
    return break_with_rsp(USER_HIGH);
}
static int case_rsp_non_canonical(void) {
    return break_with_rsp(UINT64_C(1) << 47);
}
static int case_rsp_kernel(void) {
    return break_with_rsp(UINT64_C(0xffffffff80200000));
}
static int case_rsp_all_ones(void) {
    return break_with_rsp(UINT64_MAX);
}

/* Bad frames. */

static void (*spoil)(struct capos_upcall_frame *frame);
static void spoil_frame(struct capos_upcall_frame *frame) {
    spoil(frame);
}
static int return_spoilt(void (*change)(struct capos_upcall_frame *frame)) {
    spoil = change;
    if (begin(spoil_frame) == 0) {
        __asm__ volatile("int3");
    }
    return 1;
}

static void or_area(struct capos_upcall_frame *frame, size_t offset, uint64_t bits) {
    uint64_t word;
    if (capos_start_page->xsave_size <= AREA_HEADER && offset >= AREA_HEADER) {
        frame->size = 0; /* nothing there to spoil */
        return;
    }
    memcpy(&word, frame->xsave + offset, sizeof word);
    word |= bits;
    memcpy(frame->xsave + offset, &word, sizeof word);
}

#define CASE_FRAME(name, ...)                                                                      \
    static void spoil_##name(struct capos_upcall_frame *frame) {                                   \
        __VA_ARGS__;                                                                               \
    }                                                                                              \
    static int case_frame_##name(void) {                                                           \
        return return_spoilt(spoil_##name);                                                        \
    }
CASE_FRAME(rip_high, frame->rip = USER_HIGH)
CASE_FRAME(rip_non_canonical, frame->rip = UINT64_C(1) << 47)
CASE_FRAME(rip_kernel, frame->rip = UINT64_C(0xffffffff80100000))
CASE_FRAME(rsp_high, frame->rsp = USER_HIGH)
CASE_FRAME(rsp_kernel, frame->rsp = UINT64_MAX - 4095)
CASE_FRAME(fs_base, frame->fs_base = UINT64_C(0x8000000000000000))
CASE_FRAME(mask, frame->mask = 4)
CASE_FRAME(flags, frame->flags = 2)
CASE_FRAME(size_less, frame->size--)
CASE_FRAME(size_more, frame->size = UINT32_MAX)
CASE_FRAME(components, or_area(frame, AREA_HEADER, UINT64_C(1) << 62))
CASE_FRAME(component_3, or_area(frame, AREA_HEADER, 8))
CASE_FRAME(compacted, or_area(frame, AREA_HEADER + 8, UINT64_C(1) << 63))
CASE_FRAME(header_2, or_area(frame, AREA_HEADER + 16, 1))
CASE_FRAME(header_7, or_area(frame, AREA_HEADER + 56, UINT64_C(1) << 63))
CASE_FRAME(mxcsr, or_area(frame, AREA_MXCSR, UINT64_C(1) << 31))

static int return_from(uint64_t address) {
    if (begin(go_on) == 0) {
        (void)capos_signal_return_from(signals, address);
    }
    return 1;
}
static int case_frame_null(void) {
    return return_from(0);
}
static int case_frame_unmapped(void) {
    return return_from(0x1000);
}
static int case_frame_kernel(void) {
    return return_from(UINT64_C(0xffffffff80200000));
}
static int case_frame_at_end(void) {
    return return_from(UINT64_MAX - 63);
}
static int case_frame_zero(void) {
    static _Alignas(64) uint8_t zeros[4096];
    return return_from((uintptr_t)zeros);
}
static int case_frame_half_mapped(void) {
    uint64_t address;
    if (capos_virtual_memory_map(memory, 0, 8192, CAPOS_PROTECTION_READ, &address) != 0 ||
        capos_virtual_memory_unmap(memory, address + 4096, 4096) != 0) {
        return 1;
    }
    return return_from(address + 4096 - 256);
}

/* The table. */

static const struct end_case {
    const char *name;
    int (*run)(void);
    uint32_t end; /* fault, or EXITS for exit code 0 */
} cases[] = {
    {"no handler any more", case_unregistered, BREAKPOINT},
    {"fault while faults are masked", case_masked, BREAKPOINT},
    {"fault while interrupts are masked", case_interrupts_masked, EXITS},
    {"fault in the handler", case_nested, INVALID_INSTRUCTION},
    {"faults until the stack is full", case_deeper, BREAKPOINT},
    {"unmapped stack", case_stack_unmapped, BREAKPOINT},
    {"read-only stack", case_stack_read_only, BREAKPOINT},
    {"stack on code", case_stack_of_code, BREAKPOINT},
    {"stack on the start page", case_start_page, BREAKPOINT},
    {"stack half mapped", case_stack_half_mapped, BREAKPOINT},
    {"stack taken away", case_stack_taken_away, INVALID_INSTRUCTION},
    {"stack made read-only", case_stack_protected, INVALID_INSTRUCTION},
    {"RSP 0", case_rsp_null, BREAKPOINT},
    {"RSP in page 0", case_rsp_in_page_0, BREAKPOINT},
    {"RSP just above page 0", case_rsp_at_page_1, BREAKPOINT},
    {"RSP at the top of user space", case_rsp_at_top, BREAKPOINT},
    {"RSP not canonical", case_rsp_non_canonical, BREAKPOINT},
    {"RSP in the kernel", case_rsp_kernel, BREAKPOINT},
    {"RSP all ones", case_rsp_all_ones, BREAKPOINT},
    {"frame: RIP above user space", case_frame_rip_high, BAD_UPCALL},
    {"frame: RIP not canonical", case_frame_rip_non_canonical, BAD_UPCALL},
    {"frame: RIP in the kernel", case_frame_rip_kernel, BAD_UPCALL},
    {"frame: RSP above user space", case_frame_rsp_high, BAD_UPCALL},
    {"frame: RSP in the kernel", case_frame_rsp_kernel, BAD_UPCALL},
    {"frame: FS base", case_frame_fs_base, BAD_UPCALL},
    {"frame: mask", case_frame_mask, BAD_UPCALL},
    {"frame: flags", case_frame_flags, BAD_UPCALL},
    {"frame: smaller", case_frame_size_less, BAD_UPCALL},
    {"frame: larger", case_frame_size_more, BAD_UPCALL},
    {"frame: XSTATE_BV beyond XCR0", case_frame_components, BAD_UPCALL},
    {"frame: XSTATE_BV with a component that is off", case_frame_component_3, BAD_UPCALL},
    {"frame: compacted XSAVE area", case_frame_compacted, BAD_UPCALL},
    {"frame: third word of the XSAVE header", case_frame_header_2, BAD_UPCALL},
    {"frame: last word of the XSAVE header", case_frame_header_7, BAD_UPCALL},
    {"frame: MXCSR", case_frame_mxcsr, BAD_UPCALL},
    {"frame at address 0", case_frame_null, BAD_UPCALL},
    {"frame not mapped", case_frame_unmapped, BAD_UPCALL},
    {"frame in the kernel", case_frame_kernel, BAD_UPCALL},
    {"frame at the end of addresses", case_frame_at_end, BAD_UPCALL},
    {"frame of zeros", case_frame_zero, BAD_UPCALL},
    {"frame half mapped", case_frame_half_mapped, BAD_UPCALL},
};
#define CASE_COUNT (sizeof cases / sizeof *cases)

static bool ends_as_it_should(unsigned index) {
    char number[16];
    capos_format(number, sizeof number, "%u", index);
    const struct capos_spawn_grant grants[] = {
        {"signals", signals, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"memory", memory, CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL}};
    struct child child = {.words = {number}, .grants = grants, .grant_count = 2};
    struct capos_process_wait_results end = {0};
    int64_t result = child_run(&child, &end);
    bool exits = end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0;
    bool faults = end.reason == CAPOS_PROCESS_EXIT_REASON_FAULTED && end.vector == cases[index].end;
    bool is_right = result == 0 && (cases[index].end == EXITS ? exits : faults);
    if (!is_right) {
        child_print_end(result, &end);
    }
    return is_right;
}

int main(int argc, char **argv) {
    signals = capos_lookup("signals", CAPOS_SIGNAL_INTERFACE);
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    if (argc > 1) {
        long long index = 0;
        return capos_parse_integer(argv[1], &index) ? cases[index].run() : 2;
    }
    for (unsigned index = 0; index < CASE_COUNT; index++) {
        tap_report(ends_as_it_should(index), cases[index].name);
    }
    return tap_finish();
}
