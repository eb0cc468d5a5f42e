// grants: console,signals
// cpus: any
// also: --cpu qemu64

/*
 * Signal: the frame holds all registers of the interrupted code, and what a handler changes there,
 * is changed when it has returned. The handler itself has the state of a new thread.
 */
#include "tests/guest/seen.h"

#define MXCSR_DEFAULT 0x1f80u
#define MXCSR_ROUND_UP 0x5f80u
#define X87_CONTROL_DEFAULT 0x37fu
#define X87_CONTROL_ROUND_UP 0xb7fu
#define RFLAGS_TRAP UINT64_C(0x100)
#define RFLAGS_DIRECTION UINT64_C(0x400)

static capos_cap_t signals;
static _Alignas(4096) uint8_t stack[32768];

/* Every general register but RSP and RBP holds its own number, with a tag. */
#define TAG UINT64_C(0x7a67000000000000)
__attribute__((used)) static uint64_t gathered[16];

static void break_with_registers(void) {
    __asm__ volatile("movabsq %0, %%rax\n"
                     "leaq 1(%%rax), %%rcx\n leaq 2(%%rax), %%rdx\n leaq 3(%%rax), %%rbx\n"
                     "leaq 6(%%rax), %%rsi\n leaq 7(%%rax), %%rdi\n leaq 8(%%rax), %%r8\n"
                     "leaq 9(%%rax), %%r9\n leaq 10(%%rax), %%r10\n leaq 11(%%rax), %%r11\n"
                     "leaq 12(%%rax), %%r12\n leaq 13(%%rax), %%r13\n leaq 14(%%rax), %%r14\n"
                     "leaq 15(%%rax), %%r15\n"
                     "int3\n"
                     "movq %%rax, gathered(%%rip)\n movq %%rcx, gathered+8(%%rip)\n"
                     "movq %%rdx, gathered+16(%%rip)\n movq %%rbx, gathered+24(%%rip)\n"
                     "movq %%rsi, gathered+48(%%rip)\n movq %%rdi, gathered+56(%%rip)\n"
                     "movq %%r8, gathered+64(%%rip)\n movq %%r9, gathered+72(%%rip)\n"
                     "movq %%r10, gathered+80(%%rip)\n movq %%r11, gathered+88(%%rip)\n"
                     "movq %%r12, gathered+96(%%rip)\n movq %%r13, gathered+104(%%rip)\n"
                     "movq %%r14, gathered+112(%%rip)\n movq %%r15, gathered+120(%%rip)\n"
                     :
                     : "i"(TAG)
                     : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
                       "r13", "r14", "r15", "cc", "memory");
}

static uint64_t *register_of(struct capos_upcall_frame *frame, unsigned number) {
    uint64_t *const registers[] = {&frame->rax, &frame->rcx, &frame->rdx, &frame->rbx,
                                   &frame->rsp, &frame->rbp, &frame->rsi, &frame->rdi,
                                   &frame->r8,  &frame->r9,  &frame->r10, &frame->r11,
                                   &frame->r12, &frame->r13, &frame->r14, &frame->r15};
    return registers[number];
}

static bool is_tagged(unsigned number) {
    return number != 4 && number != 5; /* RSP and RBP */
}

static bool frame_has_tags;
static void change_registers(struct capos_upcall_frame *frame) {
    seen_note(frame);
    frame_has_tags = true;
    for (unsigned i = 0; i < 16; i++) {
        frame_has_tags &= !is_tagged(i) || *register_of(frame, i) == TAG + i;
        *register_of(frame, i) += is_tagged(i) ? 256 : 0;
    }
}

static void test_registers(void) {
    CHECK_RESULT(capos_handler_begin(signals, change_registers, stack, sizeof stack), CAPOS_OK);
    break_with_registers();
    CHECK(frame_has_tags);
    bool is_changed = true;
    for (unsigned i = 0; i < 16; i++) {
        is_changed &= !is_tagged(i) || gathered[i] == TAG + i + 256;
    }
    CHECK(is_changed);
}

/* Flags: those of the program are its own, the others are the kernel's. */

static void change_flags(struct capos_upcall_frame *frame) {
    seen_note(frame);
    frame->rflags ^= RFLAGS_DIRECTION | 1;
    frame->rflags |= UINT64_C(3) << 12 | UINT64_C(1) << 17 | UINT64_C(1) << 63;
    frame->rflags &= ~UINT64_C(0x202);
}

static void test_flags(void) {
    uint64_t flags;
    CHECK_RESULT(capos_handler_begin(signals, change_flags, stack, sizeof stack), CAPOS_OK);
    __asm__ volatile("subq $128, %%rsp\n std\n clc\n int3\n pushfq\n popq %0\n cld\n"
                     "addq $128, %%rsp"
                     : "=r"(flags)
                     :
                     : "cc", "memory");
    CHECK((seen.frame.rflags & (RFLAGS_DIRECTION | 1)) == RFLAGS_DIRECTION);
    CHECK((seen.handler_flags & (RFLAGS_DIRECTION | RFLAGS_TRAP)) == 0);
    CHECK((flags & (RFLAGS_DIRECTION | 1)) == 1);
    CHECK((flags & ~UINT64_C(0xcd5)) == 0x202); /* none but arithmetic and direction flags */
}

/* Three steps, then no more. */
static unsigned steps;
static uint64_t step_rips[4];
static void count_step(struct capos_upcall_frame *frame) {
    seen_note(frame);
    step_rips[steps++ % 4] = frame->rip;
    frame->rflags &= steps < 3 ? ~UINT64_C(0) : ~RFLAGS_TRAP;
}

static void test_single_step(void) {
    CHECK_RESULT(capos_handler_begin(signals, count_step, stack, sizeof stack), CAPOS_OK);
    __asm__ volatile("subq $128, %%rsp\n pushfq\n orq $0x100, (%%rsp)\n popfq\n"
                     "nop\n nop\n nop\n nop\n nop\n addq $128, %%rsp"
                     :
                     :
                     : "cc", "memory");
    CHECK_EQUAL(steps, 3);
    CHECK_EQUAL(seen.frame.vector, 1);
    CHECK_EQUAL(step_rips[1] - step_rips[0], 1);
    CHECK_EQUAL(step_rips[2] - step_rips[1], 1);
}

/* The thread pointer and the stack pointer are in the frame too. */
static uint64_t other_block[2], saved_fs_base;
static void change_bases(struct capos_upcall_frame *frame) {
    uint64_t fs_base = frame->fs_base;
    frame->fs_base = saved_fs_base != 0 ? saved_fs_base : (uintptr_t)other_block;
    saved_fs_base = fs_base;
    frame->rsp -= 256;
}

static void test_bases(void) {
    uint64_t before, first, after, moved;
    other_block[0] = 77;
    CHECK_RESULT(capos_handler_begin(signals, change_bases, stack, sizeof stack), CAPOS_OK);
    __asm__ volatile("movq %%fs:0, %0\n movq %%rsp, %3\n int3\n movq %%fs:0, %1\n int3\n"
                     "movq %%fs:0, %2\n subq %%rsp, %3\n addq $512, %%rsp"
                     : "=&r"(before), "=&r"(first), "=&r"(after), "=&r"(moved)
                     :
                     : "memory");
    CHECK_EQUAL(first, 77);
    CHECK_EQUAL(after, before);
    CHECK_EQUAL(moved, 512);
}

/* Vector state: in the handler it is a new thread's, in the frame the interrupted code's. */

static bool area_has_pattern;
static void change_vectors(struct capos_upcall_frame *frame) {
    seen_note(frame);
    area_has_pattern = true;
    for (unsigned number = 0; number < 16; number++) {
        uint8_t *at = frame->xsave + AREA_XMM(number);
        area_has_pattern &= *at == 16 + number;
        *at += 16;
    }
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0\n movdqa %%xmm0, %%xmm15\n fld1\n fld1"
                     :
                     :
                     : "xmm0", "xmm15");
    uint32_t mxcsr = MXCSR_DEFAULT;
    memcpy(frame->xsave + AREA_MXCSR, &mxcsr, sizeof mxcsr);
}

static void test_vectors(void) {
    static _Alignas(16) uint8_t patterns[16][16];
    uint32_t mxcsr = MXCSR_ROUND_UP, mxcsr_after;
    uint16_t control = X87_CONTROL_ROUND_UP, control_after;
    for (unsigned number = 0; number < 16; number++) {
        memset(patterns[number], (int)(16 + number), 16);
    }
    CHECK_RESULT(capos_handler_begin(signals, change_vectors, stack, sizeof stack), CAPOS_OK);
#define LOAD(n) "movdqa " #n "*16(%2), %%xmm" #n "\n"
#define STORE(n) "movdqa %%xmm" #n ", " #n "*16(%2)\n"
#define SIXTEEN(X)                                                                                 \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
    __asm__ volatile("ldmxcsr %3\n fldcw %4\n" SIXTEEN(LOAD) "int3\n" SIXTEEN(
                         STORE) "stmxcsr %0\n fnstcw %1\n fninit\n"
                     : "=m"(mxcsr_after), "=m"(control_after)
                     : "r"(patterns), "m"(mxcsr), "m"(control)
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "memory");
    CHECK(area_has_pattern);
    CHECK(seen.is_vector_state_initial);
    CHECK_EQUAL(seen.mxcsr, MXCSR_DEFAULT);
    CHECK_EQUAL(seen.x87_control, X87_CONTROL_DEFAULT);
    CHECK_EQUAL(seen.area_mxcsr, MXCSR_ROUND_UP);
    CHECK_EQUAL(mxcsr_after, MXCSR_DEFAULT);
    CHECK_EQUAL(control_after, X87_CONTROL_ROUND_UP);
    bool is_changed = true;
    for (unsigned number = 0; number < 16; number++) {
        is_changed &= patterns[number][0] == 32 + number && patterns[number][15] == 16 + number;
    }
    CHECK(is_changed);
}

int main(void) {
    signals = capos_lookup("signals", CAPOS_SIGNAL_INTERFACE);
    test_registers();
    test_flags();
    test_single_step();
    test_bases();
    test_vectors();
    return tap_finish();
}
