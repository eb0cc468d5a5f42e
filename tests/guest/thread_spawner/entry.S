/*
 * Where a thread begins that knows nothing of C: stores its registers into the struct registers of
 * thread_spawner.c that RDI points to, then ends and clears the struct's last word.
 */
        .section .text.record_registers, "ax", @progbits
        .globl record_registers
        .type record_registers, @function
record_registers:
        movq    %rax, 0(%rdi)
        movq    %rbx, 8(%rdi)
        movq    %rcx, 16(%rdi)
        movq    %rdx, 24(%rdi)
        movq    %rsi, 32(%rdi)
        movq    %rdi, 40(%rdi)
        movq    %rbp, 48(%rdi)
        movq    %rsp, 56(%rdi)
        movq    %r8, 64(%rdi)
        movq    %r9, 72(%rdi)
        movq    %r10, 80(%rdi)
        movq    %r11, 88(%rdi)
        movq    %r12, 96(%rdi)
        movq    %r13, 104(%rdi)
        movq    %r14, 112(%rdi)
        movq    %r15, 120(%rdi)
        pushfq
        popq    128(%rdi)
        movq    %fs:0, %rax
        movq    %rax, 136(%rdi)
        stmxcsr 144(%rdi)
        fnstcw  148(%rdi)
        .irp register, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        por     %xmm\register, %xmm0
        .endr
        movhlps %xmm0, %xmm1
        por     %xmm1, %xmm0
        movq    %xmm0, 152(%rdi)
        leaq    176(%rdi), %rdx         /* the word to clear; no stack to unmap */
        movq    168(%rdi), %rsi
        movq    160(%rdi), %rdi
        xorl    %r10d, %r10d
        xorl    %r8d, %r8d
        movq    $-1, %r9
        xorl    %eax, %eax
        syscall
        ud2
        .size record_registers, . - record_registers

        .section .note.GNU-stack, "", @progbits
