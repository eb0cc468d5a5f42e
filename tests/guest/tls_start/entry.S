/*
 * The entry point of tests/guest/tls_start.c: the very first instruction of the program reads a
 * thread-local variable. Then it goes on as every program does.
 */
        .section .text.tls_start_entry, "ax", @progbits
        .globl tls_start_entry
        .type tls_start_entry, @function
tls_start_entry:
        movq    %fs:initial@tpoff, %rax
        movq    %rax, first_initial(%rip)
        movq    %fs:zero@tpoff, %rax
        movq    %rax, first_zero(%rip)
        movq    %fs:0, %rax
        movq    %rax, first_pointer(%rip)
        jmp     _start
        .size tls_start_entry, . - tls_start_entry

        .section .note.GNU-stack, "", @progbits
