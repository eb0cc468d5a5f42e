// grants: console,spawner
// cpus: any

/*
 * Registers under interruption: one child computes, one enters the kernel all the time, one takes
 * page faults, and each finds its registers as it left them. By itself a few turns; under
 * tests/tool/kernel_nmi.sh, with more of them, non-maskable interrupts come at odd moments. With
 * the argument "log" it keeps the kernel's log busy instead.
 */
#include "tests/guest/child.h"
#include "tests/guest/tap.h"

#define TURNS_DEFAULT "200"

/* Fills registers, counts RCX down to 0, and says whether the registers kept their values. */
static bool spin(uint64_t seed) {
    uint64_t wrong = seed;
    __asm__ volatile("movq %0, %%rax\n movq %0, %%xmm15\n"
                     "leaq 1(%%rax), %%rbx\n leaq 2(%%rax), %%rdx\n leaq 3(%%rax), %%rsi\n"
                     "leaq 4(%%rax), %%rdi\n leaq 5(%%rax), %%r8\n leaq 6(%%rax), %%r9\n"
                     "leaq 7(%%rax), %%r10\n leaq 8(%%rax), %%r11\n leaq 9(%%rax), %%r12\n"
                     "leaq 10(%%rax), %%r13\n leaq 11(%%rax), %%r14\n leaq 12(%%rax), %%r15\n"
                     "movl $20000, %%ecx\n"
                     "1: decl %%ecx\n jnz 1b\n"
                     "subq %%rax, %%rbx\n subq %%rax, %%rdx\n subq %%rax, %%rsi\n"
                     "subq %%rax, %%rdi\n subq %%rax, %%r8\n subq %%rax, %%r9\n"
                     "subq %%rax, %%r10\n subq %%rax, %%r11\n subq %%rax, %%r12\n"
                     "subq %%rax, %%r13\n subq %%rax, %%r14\n subq %%rax, %%r15\n"
                     "movq %%xmm15, %%rcx\n subq %%rcx, %%rax\n"
                     "subq $1, %%rbx\n subq $2, %%rdx\n subq $3, %%rsi\n subq $4, %%rdi\n"
                     "subq $5, %%r8\n subq $6, %%r9\n subq $7, %%r10\n subq $8, %%r11\n"
                     "subq $9, %%r12\n subq $10, %%r13\n subq $11, %%r14\n subq $12, %%r15\n"
                     "orq %%rbx, %%rax\n orq %%rdx, %%rax\n orq %%rsi, %%rax\n orq %%rdi, %%rax\n"
                     "orq %%r8, %%rax\n orq %%r9, %%rax\n orq %%r10, %%rax\n orq %%r11, %%rax\n"
                     "orq %%r12, %%rax\n orq %%r13, %%rax\n orq %%r14, %%rax\n orq %%r15, %%rax\n"
                     "movq %%rax, %0"
                     : "+m"(wrong)
                     :
                     : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
                       "r13", "r14", "r15", "xmm15", "cc", "memory");
    return wrong == 0;
}

/* A thousand calls that do nothing, and whether what they leave alone was left alone. */
static bool enter(uint64_t seed) {
    uint64_t wrong = seed;
    __asm__ volatile("movq %0, %%rbx\n movq %0, %%xmm15\n"
                     "leaq 1(%%rbx), %%r13\n leaq 2(%%rbx), %%r14\n leaq 3(%%rbx), %%r15\n"
                     "movl $1000, %%r12d\n"
                     "1: xorl %%eax, %%eax\n movq $1, %%rdi\n shlq $63, %%rdi\n xorl %%esi, %%esi\n"
                     "xorl %%edx, %%edx\n xorl %%r10d, %%r10d\n xorl %%r8d, %%r8d\n"
                     "movq $-1, %%r9\n syscall\n"
                     "movq %%gs:(%%rsp), %%r11\n" /* GS base is 0 */
                     "orq %%rdx, %%rax\n orq %%r10, %%rax\n orq %%r8, %%rax\n orq %%rsi, %%rax\n"
                     "notq %%r9\n orq %%r9, %%rax\n jnz 2f\n"
                     "decl %%r12d\n jnz 1b\n"
                     "2: subq %%rbx, %%r13\n subq %%rbx, %%r14\n subq %%rbx, %%r15\n"
                     "subq $1, %%r13\n subq $2, %%r14\n subq $3, %%r15\n"
                     "movq %%xmm15, %%rcx\n subq %%rcx, %%rbx\n"
                     "orq %%rbx, %%rax\n orq %%r13, %%rax\n orq %%r14, %%rax\n orq %%r15, %%rax\n"
                     "orq %%r12, %%rax\n movq %%rax, %0"
                     : "+m"(wrong)
                     :
                     : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
                       "r13", "r14", "r15", "xmm15", "cc", "memory");
    return wrong == 0;
}

/* Pages of the program that were never touched, a fault for each. */
static uint8_t untouched[16][65536];
static bool fault(uint64_t turn) {
    bool is_zero = true;
    for (unsigned page = 0; turn < 16 && page < 16; page++) {
        uint8_t *at = &untouched[turn][page * CAPOS_PAGE_SIZE];
        is_zero &= *at == 0;
        *at = (uint8_t)(page + turn);
        is_zero &= *at == (uint8_t)(page + turn);
    }
    return is_zero && spin(turn);
}

/* One line of the kernel's log after the other: children that fault, for ever. */
static int log_for_ever(void) {
    capos_print("logging\n");
    for (;;) {
        struct child child = {.words = {"trap", "0"}};
        struct capos_process_wait_results end = {0};
        if (child_run(&child, &end) != CAPOS_OK || end.vector != 6) {
            return 1;
        }
    }
}

static int play(const char *part, const char *turns) {
    long long count = 0;
    if (part[0] == 't') {
        __builtin_trap();
    }
    if (!capos_parse_integer(turns, &count)) {
        return 2;
    }
    bool is_right = true;
    for (long long turn = 0; is_right && turn < count; turn++) {
        uint64_t seed = (uint64_t)turn * UINT64_C(0x9e3779b97f4a7c15) + 1;
        is_right = part[0] == 's'   ? spin(seed)
                   : part[0] == 'e' ? enter(seed)
                                    : fault((uint64_t)turn);
    }
    return is_right ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc > 2) {
        return play(argv[1], argv[2]);
    }
    if (argc > 1 && strcmp(argv[1], "log") == 0) {
        return log_for_ever();
    }
    const char *turns = argc > 1 ? argv[1] : TURNS_DEFAULT;
    static const char *const parts[] = {"spin", "enter", "fault"};
    enum { PARTS = sizeof parts / sizeof *parts };
    capos_cap_t processes[PARTS];
    for (unsigned i = 0; i < PARTS; i++) {
        struct child child = {.words = {parts[i], turns}};
        uint32_t detail;
        CHECK_RESULT(child_spawn(&child, &processes[i], &detail), CAPOS_OK);
    }
    for (unsigned i = 0; i < PARTS; i++) {
        struct capos_process_wait_results end = {0};
        CHECK_RESULT(capos_process_wait(processes[i], &end), CAPOS_OK);
        bool is_right = end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0;
        tap_report(is_right, parts[i]);
        if (!is_right) {
            capos_printf("# reason %u, code %ld, vector %u, rip 0x%lx\n", (unsigned)end.reason,
                         end.code, end.vector, end.rip);
        }
    }
    return tap_finish();
}
