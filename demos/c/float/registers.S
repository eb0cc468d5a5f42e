/*
 * Between load and store no instruction here writes a vector register: whatever changes was
 * changed by somebody else.
 *
 *   RDI = in, RSI = out, RDX = spins. RBX and R12 keep values across the system call.
 */
        .macro  spin count
        movq    \count, %rax
1:      decq    %rax
        jnz     1b
        .endm

/* cap_enter in its register form, opcode nop: RAX = 0, RDI = CAPOS_ENTER_REGISTER. */
        .macro  enter_kernel
        xorl    %eax, %eax
        movq    $1, %rdi
        shlq    $63, %rdi
        xorl    %esi, %esi
        xorl    %edx, %edx
        xorl    %r10d, %r10d
        xorl    %r8d, %r8d
        movq    $-1, %r9
        syscall
        .endm

        .macro  each_register instruction, registers, memory, is_load
        .irp    index, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        .if     \is_load
        \instruction \index * 32(\memory), %\registers\index
        .else
        \instruction %\registers\index, \index * 32(\memory)
        .endif
        .endr
        .endm

        .macro  define_hold name, instruction, registers
        .section .text.\name, "ax", @progbits
        .globl  \name
        .type   \name, @function
\name:
        .cfi_startproc
        pushq   %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        movq    %rsp, %rbp
        .cfi_def_cfa_register %rbp
        pushq   %rbx
        pushq   %r12
        .cfi_offset %rbx, -24
        .cfi_offset %r12, -32
        movq    %rsi, %rbx
        movq    %rdx, %r12
        each_register \instruction, \registers, %rdi, 1
        spin    %r12
        enter_kernel
        spin    %r12
        each_register \instruction, \registers, %rbx, 0
        popq    %r12
        popq    %rbx
        popq    %rbp
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
        .size   \name, . - \name
        .endm

        define_hold hold_xmm, movups, xmm
        define_hold hold_ymm, vmovups, ymm

        .section .note.GNU-stack, "", @progbits
