// grants: console,signals,memory
// cpus: any
// also: --cpu qemu64

/*
 * Signal: every fault that a program can raise enters the handler, and frames go where they should.
 * What the frame holds is in signal_registers.c, interrupts are in signal_interrupt.c, and what
 * ends the process is in signal_end.c.
 */
#include "tests/guest/seen.h"

#define SKIPPED UINT64_C(0x5c1bbed0)

static capos_cap_t signals, memory;
static _Alignas(4096) uint8_t stack[32768];

/* Goes on at the address in RBX. */
static void skip(struct capos_upcall_frame *frame) {
    seen_note(frame);
    frame->rip = frame->rbx;
    frame->rax = SKIPPED;
    memset(frame->xsave + AREA_X87_STATUS, 0, sizeof(uint16_t));
}

/* Runs instructions of which one faults, and returns what skip left in RAX. */
#define FAULTING(name, ...)                                                                        \
    static uint64_t name(void) {                                                                   \
        uint64_t result = 0;                                                                       \
        __asm__ volatile("leaq 1f(%%rip), %%rbx\n" __VA_ARGS__ "\n 1:"                             \
                         : "+a"(result)                                                            \
                         :                                                                         \
                         : "rbx", "rcx", "rdx", "cc", "memory");                                   \
        return result;                                                                             \
    }
FAULTING(read_null, "movq 16, %%rax")
FAULTING(write_text, "movb $0, (%%rbx)")
FAULTING(read_kernel, "movq 0xffffffff80000000, %%rax")
FAULTING(jump_to_null, "xorl %%ecx, %%ecx\n jmpq *%%rcx")
FAULTING(jump_to_data, "leaq stack_symbol(%%rip), %%rcx\n jmpq *%%rcx")
FAULTING(divide, "xorl %%ecx, %%ecx\n divl %%ecx")
FAULTING(divide_overflow, "movl $1, %%edx\n movl $1, %%ecx\n divl %%ecx")
FAULTING(invalid, "ud2")
FAULTING(breakpoint, "int3")
FAULTING(overflow, ".byte 0xcd, 4")
FAULTING(halt, "hlt")
FAULTING(non_canonical, "movabsq $0x800000000000, %%rcx\n movq (%%rcx), %%rax")
FAULTING(non_canonical_stack,
         "movq %%rbp, %%rdx\n movabsq $0x800000000000, %%rbp\n movq (%%rbp), %%rax")
FAULTING(x87_divide, "fninit\n subq $136, %%rsp\n movw $0x340, (%%rsp)\n fldcw (%%rsp)\n"
                     "addq $136, %%rsp\n fld1\n fldz\n fdivrp\n fwait")
__asm__(".pushsection .data\n .globl stack_symbol\n stack_symbol: .byte 0xc3\n .popsection");

/* What QEMU does where it emulates the CPU and leaves a check out. */
#define EMULATED(vectors) (vectors)
#define VECTOR(number) (1u << (number))
#define ANY_ADDRESS UINT64_MAX
#define ANY_ERROR UINT32_MAX

static const struct {
    const char *name;
    uint64_t (*run)(void);
    uint32_t vectors; /* a bit for each that is right */
    uint32_t error;
    uint64_t address;
} faults[] = {
    {"read through a null pointer", read_null, VECTOR(14), 4, 16},
    {"write to code", write_text, VECTOR(14), 7, ANY_ADDRESS},
    {"read of kernel memory", read_kernel, VECTOR(14), ANY_ERROR, UINT64_C(0xffffffff80000000)},
    {"jump to address 0", jump_to_null, VECTOR(14), 0x14, 0},
    {"jump to data", jump_to_data, VECTOR(14), 0x15, ANY_ADDRESS},
    {"division by zero", divide, VECTOR(0), 0, 0},
    {"overflow of a division", divide_overflow, VECTOR(0), 0, 0},
    {"invalid instruction", invalid, VECTOR(6), 0, 0},
    {"breakpoint", breakpoint, VECTOR(3), 0, 0},
    {"INT 4", overflow, VECTOR(4), 0, 0},
    {"privileged instruction", halt, VECTOR(13), 0, 0},
    {"non-canonical address", non_canonical, VECTOR(13), 0, 0},
    {"non-canonical stack", non_canonical_stack, VECTOR(12) | EMULATED(VECTOR(13)), 0, 0},
    {"x87 exception", x87_divide, VECTOR(16), 0, 0},
};

static void test_faults(void) {
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        unsigned before = seen.count;
        bool is_right = faults[i].run() == SKIPPED;
        is_right &= seen.count == before + 1 && seen.frame.kind == CAPOS_UPCALL_FAULT;
        is_right &= (faults[i].vectors >> seen.frame.vector & 1) != 0;
        is_right &= faults[i].error == ANY_ERROR || seen.frame.error == faults[i].error;
        is_right &= faults[i].address == ANY_ADDRESS || seen.frame.address == faults[i].address;
        if (!tap_report(is_right, faults[i].name)) {
            capos_printf("#   vector %u, error 0x%x, address 0x%lx\n", seen.frame.vector,
                         seen.frame.error, seen.frame.address);
        }
    }
    __asm__ volatile("fninit");
}

/* Where frames go. */

static uint64_t frame_addresses[2];
static void note_address(struct capos_upcall_frame *frame) {
    seen_note(frame);
    if (frame_addresses[0] != 0) {
        frame_addresses[1] = (uintptr_t)frame;
        return;
    }
    frame_addresses[0] = (uintptr_t)frame;
    uint64_t previous = 0;
    if (capos_signal_set_mask(signals, 0, &previous) == CAPOS_OK &&
        previous == CAPOS_UPCALL_MASK_ALL) {
        __asm__ volatile("int3"); /* on the alternate stack already */
    }
}

static void test_places(void) {
    frame_addresses[0] = frame_addresses[1] = 0;
    uint64_t low = (uintptr_t)stack, high = low + sizeof stack;
    CHECK_RESULT(capos_handler_begin(signals, note_address, stack, sizeof stack), CAPOS_OK);
    __asm__ volatile("int3");
    uint64_t bytes = seen.frame.size;
    CHECK_EQUAL(bytes, sizeof seen.frame + capos_start_page->xsave_size);
    CHECK_EQUAL(frame_addresses[0], (high - bytes) & ~UINT64_C(63));
    CHECK(frame_addresses[1] + bytes <= seen.frame.rsp - CAPOS_UPCALL_RED_ZONE);
    CHECK(frame_addresses[1] > low && frame_addresses[1] < frame_addresses[0]);
    CHECK_EQUAL(seen.frame.mask, 0);
    uint64_t mask = 9;
    CHECK_RESULT(capos_signal_set_mask(signals, 0, &mask), CAPOS_OK);
    CHECK_EQUAL(mask, 0); /* put back by the return */
}

/* Fills the red zone below its stack pointer, faults, and looks: a function of its own, since a
 * compiler's may use the zone itself. Returns 1 when nothing has changed. */
bool red_zone_survives(void);
__asm__(".pushsection .text.red_zone_survives, \"ax\", @progbits\n"
        "red_zone_survives:\n"
        "movl $1, %eax\n xorl %ecx, %ecx\n"
        "1: subq $8, %rcx\n movq %rcx, (%rsp, %rcx)\n cmpq $-128, %rcx\n jne 1b\n"
        "int3\n"
        "2: cmpq %rcx, (%rsp, %rcx)\n je 3f\n xorl %eax, %eax\n"
        "3: addq $8, %rcx\n jne 2b\n"
        "retq\n"
        ".popsection");

static uint64_t frame_end;
static void note_end(struct capos_upcall_frame *frame) {
    seen_note(frame);
    frame_end = (uintptr_t)frame + frame->size;
}

static void test_red_zone(void) {
    CHECK_RESULT(capos_handler_begin(signals, note_end, NULL, 0), CAPOS_OK);
    CHECK(red_zone_survives());
    CHECK(frame_end <= seen.frame.rsp - CAPOS_UPCALL_RED_ZONE);
}

/* A handler may mend what the fault was about, and try again with the frame as it is. */
static void open_page(struct capos_upcall_frame *frame) {
    seen_note(frame);
    (void)capos_virtual_memory_protect(memory, frame->address & ~UINT64_C(4095), CAPOS_PAGE_SIZE,
                                       CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE);
}

static void test_repair(void) {
    uint64_t address = 0;
    CHECK_RESULT(capos_handler_begin(signals, open_page, stack, sizeof stack), CAPOS_OK);
    CHECK_RESULT(capos_virtual_memory_map(memory, 0, CAPOS_PAGE_SIZE, 0, &address), CAPOS_OK);
    *(volatile uint32_t *)(address + 8) = 12;
    CHECK_EQUAL(*(volatile uint32_t *)(address + 8), 12);
    CHECK_EQUAL(seen.frame.address, address + 8);
    CHECK_EQUAL(seen.frame.error, 6);
}

static void go_on(struct capos_upcall_frame *frame) {
    seen_note(frame);
}

/* The stack moves to other frames while its address stays: the old ones are somebody else's. */
static void test_stack_moves(void) {
    enum { PAGES = 16 };
    const uint32_t access = CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE;
    const uint64_t bytes = 2 * CAPOS_PAGE_SIZE;
    uint64_t address = 0, other = 0;
    bool is_right = true;
    CHECK_RESULT(capos_virtual_memory_map(memory, 0, bytes, access, &address), CAPOS_OK);
    CHECK_RESULT(capos_handler_begin(signals, go_on, (void *)(uintptr_t)address, bytes), CAPOS_OK);
    for (unsigned turn = 0; turn < 4; turn++) {
        unsigned before = seen.count;
        __asm__ volatile("int3");
        if (turn % 2 == 0) {
            is_right &= capos_virtual_memory_decommit(memory, address, bytes) == CAPOS_OK;
        } else {
            is_right &= capos_virtual_memory_unmap(memory, address, bytes) == CAPOS_OK;
            is_right &=
                capos_virtual_memory_map(memory, address, bytes, access, &address) == CAPOS_OK;
        }
        is_right &= capos_virtual_memory_map(memory, 0, PAGES * CAPOS_PAGE_SIZE, access, &other) ==
                    CAPOS_OK;
        memset((void *)(uintptr_t)other, 0x77, PAGES * CAPOS_PAGE_SIZE);
        __asm__ volatile("int3");
        is_right &= seen.count == before + 2;
        for (size_t i = 0; i < PAGES * CAPOS_PAGE_SIZE; i++) {
            is_right &= ((volatile uint8_t *)(uintptr_t)other)[i] == 0x77;
        }
        is_right &= capos_virtual_memory_unmap(memory, other, PAGES * CAPOS_PAGE_SIZE) == CAPOS_OK;
    }
    CHECK(is_right);
    CHECK_RESULT(capos_handler_end(signals), CAPOS_OK);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, address, bytes), CAPOS_OK);
}

static void test_refusals(void) {
    const uint64_t high = UINT64_C(0x7ffffffff000), at = (uintptr_t)stack;
    const struct {
        uint64_t handler, stack, size;
    } bad[] = {
        {high, 0, 0},
        {UINT64_MAX, 0, 0},
        {0, at, 8192},
        {0, 0, 8192},
        {at, at, 0},
        {at, 0, 8192},
        {at, at, CAPOS_UPCALL_STACK_MIN - 1},
        {at, high - 4096, 8192},
        {at, high, 8192},
        {at, at, UINT64_MAX},
        {at, UINT64_MAX, 8192},
    };
    bool is_refused = true;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        is_refused &= capos_signal_set_handler(signals, bad[i].handler, bad[i].stack,
                                               bad[i].size) == CAPOS_E_INVALID_ARGUMENT;
    }
    CHECK(is_refused);
    uint64_t mask = 0;
    struct capos_signal_end_call_results results;
    CHECK_RESULT(capos_signal_set_mask(signals, 4, &mask), CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_signal_set_mask(signals, UINT64_C(1) << 32, &mask),
                 CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_signal_end_call(signals, &results), CAPOS_E_NOT_FOUND);
}

int main(void) {
    signals = capos_lookup("signals", CAPOS_SIGNAL_INTERFACE);
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    CHECK_RESULT(capos_handler_begin(signals, skip, stack, sizeof stack), CAPOS_OK);
    test_faults();
    test_places();
    test_red_zone();
    test_repair();
    test_stack_moves();
    test_refusals();
    CHECK_RESULT(capos_handler_end(signals), CAPOS_OK);
    return tap_finish();
}
