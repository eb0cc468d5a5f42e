#include "capos/invoke.h"

#include "capos/opcodes.h"

/* SYSCALL leaves its return address in RCX and RFLAGS in R11 (SDM volume 2B, SYSCALL). The other
 * registers come back as they were, but for the two results. */
struct capos_reply capos_invoke(uint64_t control, capos_cap_t capability, uint64_t a0, uint64_t a1,
                                uint64_t a2, uint64_t deadline_ns) {
    struct capos_reply reply = {.aux = a0};
    register uint64_t argument1 __asm__("r10") = a1;
    register uint64_t argument2 __asm__("r8") = a2;
    register uint64_t deadline __asm__("r9") = deadline_ns;
    __asm__ volatile("syscall"
                     : "=a"(reply.result), "+d"(reply.aux)
                     : "a"((uint64_t)CAPOS_SYS_CAP_ENTER), "D"(control), "S"(capability),
                       "r"(argument1), "r"(argument2), "r"(deadline)
                     : "rcx", "r11", "memory");
    return reply;
}

int64_t capos_enter(uint64_t submit_count, uint64_t wait_count, uint64_t deadline_ns) {
    int64_t result;
    register uint64_t deadline __asm__("r10") = deadline_ns;
    __asm__ volatile("syscall"
                     : "=a"(result), "+d"(wait_count)
                     : "a"((uint64_t)CAPOS_SYS_CAP_ENTER), "D"(UINT64_C(0)), "S"(submit_count),
                       "r"(deadline)
                     : "rcx", "r11", "memory");
    return result;
}

_Noreturn void capos_exit(int64_t code) {
    __asm__ volatile("syscall" : : "a"((uint64_t)CAPOS_SYS_EXIT), "D"(code) : "rcx", "r11");
    __builtin_trap();
}

static int64_t invoke_opcode(uint64_t opcode, capos_cap_t capability, uint64_t argument) {
    uint64_t control = CAPOS_ENTER_REGISTER | opcode << CAPOS_ENTER_OPCODE_SHIFT;
    return capos_invoke(control, capability, argument, 0, 0, CAPOS_FOREVER).result;
}

int64_t capos_nop(void) {
    return invoke_opcode(CAPOS_OP_NOP, CAPOS_CAP_NONE, 0);
}

int64_t capos_release(capos_cap_t capability) {
    return invoke_opcode(CAPOS_OP_RELEASE, capability, 0);
}

int64_t capos_cancel(uint64_t user_data) {
    return invoke_opcode(CAPOS_OP_CANCEL, CAPOS_CAP_NONE, user_data);
}
