/*
 * The entry point of tests/guest/first_registers.c: stores every register as it is at the program's
 * first instruction, and goes on as every program does.
 */
        .section .text.first_registers_entry, "ax", @progbits
        .globl first_registers_entry
        .type first_registers_entry, @function
first_registers_entry:
        .set index, 0
        .irp name, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
        movq    %\name, first_general + 8 * index(%rip)
        .set index, index + 1
        .endr
        .set index, 0
        .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movups  %xmm\number, first_vectors + 16 * index(%rip)
        .set index, index + 1
        .endr
        pushfq
        popq    first_flags(%rip)
        stmxcsr first_mxcsr(%rip)
        fnstcw  first_x87_control(%rip)
        jmp     _start
        .size first_registers_entry, . - first_registers_entry

        .section .note.GNU-stack, "", @progbits
