/*
 * The first instructions of a process. RDI is the address of the start page, RSP that of a System V
 * stack (argc, argv, 0, envp, 0, auxv), 16-byte aligned.
 *
 * The outermost frame is a null saved frame pointer and a null return address (psABI for x86-64,
 * section 3.4.1): walkers of frame pointers and of call frame information both end there.
 */
        .cfi_sections .debug_frame
        .section .text._start, "ax", @progbits
        .globl _start
        .type _start, @function
_start:
        .cfi_startproc
        .cfi_undefined %rip
        xorl    %ebp, %ebp
        movq    %rsp, %rsi
        pushq   %rbp
        pushq   %rbp
        movq    %rsp, %rbp
        call    capos_start_c
        ud2
        .cfi_endproc
        .size _start, . - _start

        .section .note.GNU-stack, "", @progbits
