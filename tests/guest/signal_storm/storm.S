/*
 * Registers that must stay as they are, and a handler that leaves none as it is: storm.h.
 */
        .data
        .balign 8
        .globl  storm_interrupts, storm_faults, storm_signals
storm_interrupts:
        .quad   0
storm_faults:
        .quad   0
storm_signals:
        .quad   0
upwards:
        .long   0x5f80                  /* MXCSR: round up */

/* RDI = frame, RSI = kind (capos/upcall.h). What it returns by is Signal.returnFrom in the register
 * form: CALL, inline, method 1. */
        .section .text.storm_handler, "ax", @progbits
        .globl  storm_handler
        .type   storm_handler, @function
storm_handler:
        cmpl    $1, %esi
        je      1f
        lock incq storm_interrupts(%rip)
        jmp     2f
1:      lock incq storm_faults(%rip)
2:      .irp register, rax, rbx, rcx, rsi, rbp, r11, r12, r13, r14, r15
        movq    $-1, %\register
        .endr
        .irp register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        pcmpeqd %xmm\register, %xmm\register
        .endr
        .rept   8
        fldpi
        .endr
        ldmxcsr upwards(%rip)
        std
        movq    %rdi, %rdx
        movabsq $0x8000000000010201, %rdi
        movq    storm_signals(%rip), %rsi
        xorl    %r10d, %r10d
        xorl    %r8d, %r8d
        movq    $-1, %r9
        xorl    %eax, %eax
        syscall
        ud2
        .size   storm_handler, . - storm_handler

/* RDI = seed, RSI = spins. RAX = 1 when nothing has changed. The patterns are seed + 1, seed + 2 and
 * so on; RCX counts. */
        .macro  define_hold name, trap
        .section .text.\name, "ax", @progbits
        .globl  \name
        .type   \name, @function
\name:
        .irp register, rbx, rbp, r12, r13, r14, r15
        pushq   %\register
        .endr
        movq    %rsi, %rcx
        movq    %rdi, %rax
        .set    step, 1
        .irp register, rbx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
        leaq    step(%rax), %\register
        .set    step, step + 1
        .endr
        movq    %rax, -8(%rsp)          /* the red zone, first and last word */
        movq    %rax, -128(%rsp)
        stc
1:      \trap
        decq    %rcx                    /* leaves the carry flag alone */
        jnz     1b
        jnc     2f
        .set    step, 1
        .irp register, rbx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
        subq    $step, %\register
        cmpq    %rax, %\register
        jne     2f
        .set    step, step + 1
        .endr
        cmpq    %rax, -8(%rsp)
        jne     2f
        cmpq    %rax, -128(%rsp)
        jne     2f
        movl    $1, %eax
        jmp     3f
2:      xorl    %eax, %eax
3:      .irp register, r15, r14, r13, r12, rbp, rbx
        popq    %\register
        .endr
        retq
        .size   \name, . - \name
        .endm

        define_hold storm_hold_general, nop
        define_hold storm_hold_general_faulting, int3

        .section .note.GNU-stack, "", @progbits
