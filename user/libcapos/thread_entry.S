/*
 * The first instructions of a thread of libcapos: RDI = its block, RSI = its ring, RDX = its id,
 * RSP = the 16-byte aligned end of its stack. As in crt0.S, the outermost frame is one of zeros.
 */
        .cfi_sections .debug_frame
        .section .text.thread_entry, "ax", @progbits
        .globl thread_entry
        .type thread_entry, @function
thread_entry:
        .cfi_startproc
        .cfi_undefined %rip
        xorl    %ebp, %ebp
        pushq   %rbp
        pushq   %rbp
        movq    %rsp, %rbp
        call    thread_begin
        ud2
        .cfi_endproc
        .size thread_entry, . - thread_entry

        .section .note.GNU-stack, "", @progbits
