// grants: console,spawner,memory
// cpus: any

/*
 * CPU state that a program can set but should not: each case runs in a child, which must end by the
 * fault that is its own, or by exiting, with the rest of the system none the wiser.
 */
#include "tests/guest/child.h"
#include "tests/guest/tap.h"

#define VECTOR(number) (UINT64_C(1) << (number))
#define EXITS (UINT64_C(1) << 63)
#define GENERAL_PROTECTION VECTOR(13)
#define PAGE_FAULT VECTOR(14)
/* What QEMU does where it emulates the CPU and leaves a check out. */
#define EMULATED(ends) (ends)

#define KERNEL_ADDRESS UINT64_C(0xffffffff80000000)
#define NON_CANONICAL UINT64_C(0x0000800000000000)

/* A system call that does nothing, as instructions: cap_enter, register form, opcode nop. */
#define NOP_CALL                                                                                   \
    "xorl %%eax, %%eax\n movq $1, %%rdi\n shlq $63, %%rdi\n xorl %%esi, %%esi\n"                   \
    "xorl %%edx, %%edx\n xorl %%r10d, %%r10d\n xorl %%r8d, %%r8d\n movq $-1, %%r9\n syscall\n"
#define NOP_CALL_CLOBBERS "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory"

/* Flags on entry. */

/* Sets flags and enters the kernel with them; returns those that were there afterwards. */
static uint64_t enter_with_flags(uint64_t set) {
    uint64_t after;
    __asm__ volatile("pushfq\n orq %1, (%%rsp)\n popfq\n" NOP_CALL
                     "pushfq\n popq %0\n pushq $2\n popfq\n"
                     : "=&b"(after)
                     : "r"(set)
                     : NOP_CALL_CLOBBERS, "cc");
    return after;
}

static int case_trap_flag(void) {
    return (int)(enter_with_flags(1 << 8) & 1);
}
static int case_direction_flag(void) {
    return enter_with_flags(1 << 10) & 1 << 10 ? 0 : 1;
}
static int case_nested_task(void) {
    enter_with_flags(1 << 14);
    return 0;
}
static int case_alignment_check(void) {
    enter_with_flags(1 << 18);
    return 0;
}
static int case_io_privilege(void) {
    enter_with_flags(3 << 12);
    __asm__ volatile("inb $0x80, %%al" : : : "rax");
    return 0;
}

/* Privileged and forbidden instructions. */

#define CASE_INSTRUCTION(name, ...)                                                                \
    static int case_##name(void) {                                                                 \
        __asm__ volatile(__VA_ARGS__ : : : "rax", "rbx", "rcx", "rdx", "memory");                  \
        return 0;                                                                                  \
    }
CASE_INSTRUCTION(halt, "hlt")
CASE_INSTRUCTION(interrupts_off, "cli")
CASE_INSTRUCTION(port_out, "outb %%al, $0xf4")
CASE_INSTRUCTION(read_control, "movq %%cr0, %%rax")
CASE_INSTRUCTION(write_control, "movq %%rax, %%cr3")
CASE_INSTRUCTION(read_debug, "movq %%dr7, %%rax")
CASE_INSTRUCTION(write_debug, "movq %%rax, %%dr0")
CASE_INSTRUCTION(read_msr, "movl $0xc0000080, %%ecx\n rdmsr")
CASE_INSTRUCTION(write_msr, "movl $0xc0000102, %%ecx\n wrmsr")
CASE_INSTRUCTION(read_counter, "xorl %%ecx, %%ecx\n rdpmc")
CASE_INSTRUCTION(read_time, "rdtsc")
CASE_INSTRUCTION(swap_gs, "swapgs")
CASE_INSTRUCTION(sys_enter, "sysenter")
CASE_INSTRUCTION(sys_return, "sysretq")
CASE_INSTRUCTION(write_fs_base, "wrfsbase %%rax")
CASE_INSTRUCTION(invalid, "ud2")
CASE_INSTRUCTION(ice_breakpoint, ".byte 0xf1")
CASE_INSTRUCTION(divide, "xorl %%ecx, %%ecx\n divl %%ecx")
CASE_INSTRUCTION(set_xcr0, "xorl %%ecx, %%ecx\n xgetbv\n orl $0x7fffff00, %%eax\n xsetbv")
CASE_INSTRUCTION(load_gdt, "subq $16, %%rsp\n lgdt (%%rsp)")
CASE_INSTRUCTION(null_gs, "xorl %%eax, %%eax\n movw %%ax, %%gs\n movw %%ax, %%fs")
CASE_INSTRUCTION(kernel_selector,
                 "movw $0x10, %%ax\n movw %%ax, %%gs\n movw $8, %%ax\n movw %%ax, %%ds")
CASE_INSTRUCTION(x87_divide, "fninit\n pushq $0x0340\n fldcw (%%rsp)\n popq %%rax\n"
                             "fld1\n fldz\n fdivrp\n fwait")
CASE_INSTRUCTION(sse_divide, "pushq $0\n ldmxcsr (%%rsp)\n popq %%rax\n pxor %%xmm0, %%xmm0\n"
                             "divss %%xmm0, %%xmm0")
CASE_INSTRUCTION(reserved_mxcsr, "pushq $-1\n ldmxcsr (%%rsp)\n popq %%rax")

/* A state image whose header sets what XCR0 does not have: SDM volume 1, section 13.8. */
static int case_reserved_xstate(void) {
    static _Alignas(64) uint8_t area[4096];
    memset(area + 512, 0xff, 64);
    __asm__ volatile("xrstor (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
    return 0;
}

/* Addresses. */

static int jump_to(uint64_t address) {
    __asm__ volatile("jmpq *%0" : : "r"(address));
    return 0;
}
static int case_jump_non_canonical(void) {
    return jump_to(NON_CANONICAL);
}
static int case_jump_kernel(void) {
    return jump_to(KERNEL_ADDRESS);
}
static int case_return_non_canonical(void) {
    __asm__ volatile("pushq %0\n retq" : : "r"(NON_CANONICAL));
    return 0;
}
static int case_read_kernel(void) {
    return *(volatile int *)KERNEL_ADDRESS;
}
static int case_write_start_page(void) {
    *(volatile uint32_t *)(uintptr_t)capos_start_page = 0;
    return 0;
}
static int case_write_text(void) {
    *(volatile uint8_t *)(uintptr_t)&case_read_kernel = 0;
    return 0;
}
static int case_execute_data(void) {
    static volatile uint8_t code[] = {0xc3};
    return jump_to((uintptr_t)code);
}

/* Enters the kernel with a stack pointer that is not one, and uses it only afterwards. */
static int enter_with_stack(uint64_t stack) {
    __asm__ volatile("movq %0, %%rbx\n movq %%rsp, %%r12\n movq %%rbx, %%rsp\n" NOP_CALL
                     "pushq $0\n movq %%r12, %%rsp"
                     :
                     : "r"(stack)
                     : NOP_CALL_CLOBBERS, "rbx", "r12");
    return 0;
}
static int case_stack_non_canonical(void) {
    return enter_with_stack(NON_CANONICAL);
}
static int case_stack_kernel(void) {
    return enter_with_stack(KERNEL_ADDRESS + 0x1000);
}
static int case_stack_null(void) {
    return enter_with_stack(0);
}

/* SYSCALL as the last two bytes of the page at `page`; the next address is not the program's. */
static int enter_at_end_of(uint64_t page) {
    capos_cap_t memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    uint64_t address;
    if (capos_virtual_memory_map(memory, page, CAPOS_PAGE_SIZE,
                                 CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE, &address) != 0) {
        return 0; /* refusing the last pages of user space is as good */
    }
    uint8_t *end = (uint8_t *)address + CAPOS_PAGE_SIZE - 2;
    end[0] = 0x0f;
    end[1] = 0x05;
    if (capos_virtual_memory_protect(memory, address, CAPOS_PAGE_SIZE,
                                     CAPOS_PROTECTION_READ | CAPOS_PROTECTION_EXECUTE) != 0) {
        return 1;
    }
    __asm__ volatile("xorl %%eax, %%eax\n movq $1, %%rdi\n shlq $63, %%rdi\n xorl %%esi, %%esi\n"
                     "xorl %%edx, %%edx\n xorl %%r10d, %%r10d\n xorl %%r8d, %%r8d\n"
                     "movq $-1, %%r9\n jmpq *%0"
                     :
                     : "b"(end)
                     : NOP_CALL_CLOBBERS);
    return 1;
}
static int case_syscall_at_end(void) {
    return enter_at_end_of(0);
}
static int case_syscall_near_top(void) {
    return enter_at_end_of((UINT64_C(1) << 47) - 2 * CAPOS_PAGE_SIZE);
}
static int case_syscall_at_top(void) {
    return enter_at_end_of((UINT64_C(1) << 47) - CAPOS_PAGE_SIZE);
}

static int case_unknown_syscall(void) {
    for (uint64_t number = 2; number < 400; number++) {
        int64_t result = (int64_t)number;
        __asm__ volatile("syscall" : "+a"(result) : "D"(0) : "rcx", "r11", "rdx", "memory");
        if (result >= 0) {
            return 1;
        }
    }
    return 0;
}

/* The table. */

static const struct cpu_case {
    const char *name;
    int (*run)(void);
    uint64_t allowed; /* ends: a bit for each vector, and EXITS for exit code 0 */
} cases[] = {
    {"trap flag on entry", case_trap_flag, VECTOR(1)},
    {"direction flag on entry", case_direction_flag, EXITS},
    {"nested task flag on entry", case_nested_task, EXITS},
    {"alignment check flag on entry", case_alignment_check, EXITS | VECTOR(17)},
    {"I/O privilege level", case_io_privilege, GENERAL_PROTECTION},
    {"HLT", case_halt, GENERAL_PROTECTION},
    {"CLI", case_interrupts_off, GENERAL_PROTECTION},
    {"OUT", case_port_out, GENERAL_PROTECTION},
    {"read CR0", case_read_control, GENERAL_PROTECTION},
    {"write CR3", case_write_control, GENERAL_PROTECTION},
    {"read DR7", case_read_debug, GENERAL_PROTECTION},
    {"write DR0", case_write_debug, GENERAL_PROTECTION},
    {"RDMSR", case_read_msr, GENERAL_PROTECTION},
    {"WRMSR", case_write_msr, GENERAL_PROTECTION},
    {"RDPMC", case_read_counter, GENERAL_PROTECTION},
    {"RDTSC without a Timer", case_read_time, GENERAL_PROTECTION},
    {"SWAPGS", case_swap_gs, GENERAL_PROTECTION},
    {"SYSENTER", case_sys_enter, GENERAL_PROTECTION | VECTOR(6)},
    {"SYSRET", case_sys_return, GENERAL_PROTECTION},
    {"WRFSBASE", case_write_fs_base, VECTOR(6)},
    {"UD2", case_invalid, VECTOR(6)},
    {"ICEBP", case_ice_breakpoint, VECTOR(1) | EMULATED(VECTOR(6))},
    {"divide by zero", case_divide, VECTOR(0)},
    {"XSETBV", case_set_xcr0, GENERAL_PROTECTION | VECTOR(6)},
    {"LGDT", case_load_gdt, GENERAL_PROTECTION},
    {"null FS and GS", case_null_gs, EXITS},
    {"kernel selectors", case_kernel_selector, GENERAL_PROTECTION},
    {"x87 divide by zero", case_x87_divide, VECTOR(16)},
    {"SSE invalid operation", case_sse_divide, VECTOR(19) | EMULATED(EXITS)},
    {"reserved MXCSR bits", case_reserved_mxcsr, GENERAL_PROTECTION | EMULATED(EXITS)},
    {"reserved XSAVE bits", case_reserved_xstate, GENERAL_PROTECTION | VECTOR(6)},
    {"jump to a non-canonical address", case_jump_non_canonical, GENERAL_PROTECTION | PAGE_FAULT},
    {"jump into the kernel", case_jump_kernel, PAGE_FAULT},
    {"return to a non-canonical address", case_return_non_canonical,
     GENERAL_PROTECTION | PAGE_FAULT},
    {"read kernel memory", case_read_kernel, PAGE_FAULT},
    {"write the start page", case_write_start_page, PAGE_FAULT},
    {"write to code", case_write_text, PAGE_FAULT},
    {"execute data", case_execute_data, PAGE_FAULT},
    {"non-canonical stack", case_stack_non_canonical,
     VECTOR(12) | GENERAL_PROTECTION | EMULATED(PAGE_FAULT)},
    {"kernel stack pointer", case_stack_kernel, PAGE_FAULT},
    {"null stack pointer", case_stack_null, PAGE_FAULT | VECTOR(12)},
    {"SYSCALL before unmapped space", case_syscall_at_end, PAGE_FAULT},
    {"SYSCALL near the top of user space", case_syscall_near_top, PAGE_FAULT | EXITS},
    {"SYSCALL at the top of user space", case_syscall_at_top, EXITS},
    {"unknown system calls", case_unknown_syscall, EXITS},
};
#define CASE_COUNT (sizeof cases / sizeof *cases)

/* INT n for every n: four bytes each, so that the table can be entered by index. */
__asm__(".pushsection .text.interrupt_table, \"ax\", @progbits\n"
        ".balign 16\n"
        "interrupt_table:\n"
        ".set number, 0\n"
        ".rept 256\n"
        ".byte 0xcd, number, 0x0f, 0x0b\n"
        ".set number, number + 1\n"
        ".endr\n"
        ".popsection");
extern const uint8_t interrupt_table[];

/* The parent. */

/* True when the child's end is one that the case allows. */
static bool run_child(const char *part, unsigned index, uint64_t allowed) {
    char number[16];
    capos_format(number, sizeof number, "%u", index);
    const struct capos_spawn_grant grants[] = {
        {"memory", capos_lookup("memory", 0), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL}};
    struct child child = {.words = {part, number}, .grants = grants, .grant_count = 1};
    struct capos_process_wait_results end = {0};
    int64_t result = child_run(&child, &end);
    bool is_exit = end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0;
    bool is_fault = end.reason == CAPOS_PROCESS_EXIT_REASON_FAULTED && end.vector < 32;
    bool is_allowed = result == 0 && ((is_exit && (allowed & EXITS) != 0) ||
                                      (is_fault && (allowed & VECTOR(end.vector)) != 0));
    if (!is_allowed) {
        capos_printf("# %s %u: spawn %s, reason %u, code %ld, vector %u, rip 0x%lx\n", part, index,
                     capos_error_name(result), (unsigned)end.reason, end.code, end.vector, end.rip);
    }
    return is_allowed;
}

static bool run_interrupts(void) {
    bool is_right = true;
    for (unsigned vector = 0; vector < 256; vector++) {
        uint64_t allowed = GENERAL_PROTECTION;
        allowed |= vector == 3 || vector == 4 ? VECTOR(vector) : 0; /* INT3 and INTO have a gate */
        is_right &= run_child("interrupt", vector, allowed);
    }
    return is_right;
}

static int play(const char *part, const char *number) {
    long long index = 0;
    if (!capos_parse_integer(number, &index)) {
        return 2;
    }
    if (strcmp(part, "case") == 0) {
        return cases[index].run();
    }
    return jump_to((uintptr_t)interrupt_table + 4 * (uint64_t)index);
}

int main(int argc, char **argv) {
    if (argc > 2) {
        return play(argv[1], argv[2]);
    }
    for (unsigned index = 0; index < CASE_COUNT; index++) {
        tap_report(run_child("case", index, cases[index].allowed), cases[index].name);
    }
    tap_report(run_interrupts(), "INT n of every vector");
    return tap_finish();
}
