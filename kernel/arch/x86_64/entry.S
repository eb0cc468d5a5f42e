/*
 * Entry and exit. See trap.h for the frame and kernel/sched/ for what happens in between.
 *
 * GS base is the program's outside the kernel and struct cpu inside; SWAPGS stands exactly where the
 * privilege changes. NMI, #DB, #DF and #MC may come between that and the change itself, so they run
 * on stacks of their own and find struct cpu in the last word of the stack.
 */
#include "kernel/arch/x86_64/layout.h"

    .macro push_registers
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    .endm

    .macro pop_registers
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
    .endm

    .section .text.entry, "ax"
    .global syscall_entry
    .balign 64
syscall_entry:
    swapgs
    movq %rsp, %gs:CPU_USER_RSP
    movq %gs:CPU_THREAD, %rsp       /* whose first member is the frame */
    movq %rcx, FRAME_RIP(%rsp)
    movq %gs:CPU_USER_RSP, %rcx
    movq %r11, FRAME_RFLAGS(%rsp)
    movq %rcx, FRAME_RSP(%rsp)
    movq $VECTOR_SYSCALL, FRAME_VECTOR(%rsp)
    movq %rdi, FRAME_RDI(%rsp)
    movq %rsi, FRAME_RSI(%rsp)
    movq %rdx, FRAME_RDX(%rsp)
    movq %rax, FRAME_RAX(%rsp)
    movq %r8, FRAME_R8(%rsp)
    movq %r9, FRAME_R9(%rsp)
    movq %r10, FRAME_R10(%rsp)
    movq %rbp, FRAME_RBP(%rsp)
    movq %rsp, %rdi
    movq %gs:CPU_STACK, %rsp
    xorl %ebp, %ebp
    call syscall_dispatch
    cmpb $0, %gs:CPU_ATTENTION
    movq %gs:CPU_THREAD, %rsp
    jne 4f
    /* Nothing happened that another thread, or somebody who wants something of this one, waits for:
     * back at once, with RBX and R12 to R15 still in their registers. RIP is canonical, because the
     * page below USER_HIGH's end is never mapped. */
    movq FRAME_RIP(%rsp), %rcx
    movq FRAME_RFLAGS(%rsp), %r11
    movq FRAME_RDI(%rsp), %rdi
    movq FRAME_RSI(%rsp), %rsi
    movq FRAME_RDX(%rsp), %rdx
    movq FRAME_RAX(%rsp), %rax
    movq FRAME_R8(%rsp), %r8
    movq FRAME_R9(%rsp), %r9
    movq FRAME_R10(%rsp), %r10
    movq FRAME_RBP(%rsp), %rbp
    movq FRAME_RSP(%rsp), %rsp
    swapgs
    sysretq
4:  movq %rbx, FRAME_RBX(%rsp)
    movq %r12, FRAME_R12(%rsp)
    movq %r13, FRAME_R13(%rsp)
    movq %r14, FRAME_R14(%rsp)
    movq %r15, FRAME_R15(%rsp)

    /* The way out of every entry: choose a thread (often the same one) and go there. */
    .global trap_resume
trap_resume:
    movq %gs:CPU_STACK, %rsp
    xorl %ebp, %ebp
    call scheduler_pick         /* returns the frame of the thread to run */
    movq %rax, %rsp
    cmpl $VECTOR_SYSCALL, FRAME_VECTOR(%rsp)
    jne 1f
    /* Came by SYSCALL, and nothing changed RIP or RFLAGS since: RIP is canonical, because the page
     * below USER_HIGH's end is never mapped. */
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    addq $8, %rsp               /* r11 is RFLAGS below */
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    addq $8, %rsp               /* rcx is RIP below */
    popq %rdx
    popq %rsi
    popq %rdi
    movq 16(%rsp), %rcx
    movq 32(%rsp), %r11
    movq 40(%rsp), %rsp
    swapgs
    sysretq
1:  pop_registers
    addq $16, %rsp
    swapgs
    iretq

/* One stub for each vector: 16 bytes, the error code made even, then the vector. */
    .macro stub vector
    .balign 16
    .if (\vector == 8) || ((\vector >= 10) && (\vector <= 14)) || (\vector == 17) || (\vector == 21) || (\vector == 29) || (\vector == 30)
    .else
    pushq $0
    .endif
    pushq $\vector
    .if (\vector == 1) || (\vector == 2) || (\vector == 8) || (\vector == 18)
    jmp trap_ist
    .else
    jmp trap_common
    .endif
    .endm

    .balign 16
stubs:
    .set vector, 0
    .rept 256
    stub vector
    .set vector, vector + 1
    .endr

    .balign 64
trap_common:
    push_registers
    movq %rsp, %rdi
    cld
    testb $3, FRAME_CS(%rsp)
    jz 2f
    swapgs
    lfence                      /* the branch may be mispredicted: no GS access before it is known */
trap_user:
    movq %gs:CPU_STACK, %rsp
    xorl %ebp, %ebp
    call trap_from_user
    .global trap_leave
trap_leave:
    cmpb $0, %gs:CPU_ATTENTION
    jne trap_resume
    movq %gs:CPU_THREAD, %rsp   /* a fault that is mended, or handled: back at once */
    jmp 1b

    /* From the kernel itself: only the idle loop and interrupt windows allow it, or it is a bug. */
2:  lfence
    call trap_from_kernel
    pop_registers
    addq $16, %rsp
    iretq

    /* On an IST stack: R12 = struct cpu, R13:R14 = GS base as it was. */
trap_ist:
    push_registers
    cld
    testb $3, FRAME_CS(%rsp)
    jz 3f
    /* From a program: an ordinary trap, moved to where ordinary traps put their frame. */
    swapgs
    lfence
    movq %rsp, %rsi
    movq %gs:CPU_FRAME_TOP, %rdi
    subq $FRAME_BYTES, %rdi
    movq %rdi, %rdx
    movl $(FRAME_BYTES / 8), %ecx
    rep movsq
    movq %rdx, %rdi
    jmp trap_user
3:  movq %rsp, %r12
    orq $(IST_STACK_BYTES - 1), %r12
    movq -7(%r12), %r12         /* the last word of the stack */
    movl $0xc0000101, %ecx      /* GS base */
    rdmsr
    movl %eax, %r13d
    movl %edx, %r14d
    movl %r12d, %eax
    movq %r12, %rdx
    shrq $32, %rdx
    wrmsr
    movq %rsp, %rdi
    call trap_on_ist
    movl $0xc0000101, %ecx
    movl %r13d, %eax
    movl %r14d, %edx
    wrmsr
    pop_registers
    addq $16, %rsp
    iretq

    .section .rodata.trap, "a"
    .balign 8
    .global trap_stubs
trap_stubs:
    .set vector, 0
    .rept 256
    .quad stubs + 16 * vector
    .set vector, vector + 1
    .endr
