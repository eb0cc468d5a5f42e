/*
 * Registers filled and stored round calls of every convention: conventions.h. No register is free
 * then, so that all of this finds its memory by FS.
 *
 * What stands in the section `conventions` runs while registers hold what is looked at: an
 * interrupt that comes there puts the promise to the test.
 */
#include "tests/guest/calling_conventions/conventions.h"

        .set    STORED, EXCHANGE_STORED
        .set    VECTORS, REGISTERS_VECTORS
        .set    EACH, VECTOR_REGISTER_BYTES
#define HERE(offset) %fs:exchange@tpoff+offset

        .macro  each_general instruction, base, is_load
        .set    number, 0
        .irp    register, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, \
                r15
        .if     \is_load
        .ifnc   \register, rsp
        \instruction HERE(\base + number * 8), %\register
        .endif
        .else
        \instruction %\register, HERE(\base + number * 8)
        .endif
        .set    number, number + 1
        .endr
        .endm

        .macro  each_vector instruction, registers, base, is_load
        .irp    index, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        .if     \is_load
        \instruction HERE(\base + VECTORS + \index * EACH), %\registers\index
        .else
        \instruction %\registers\index, HERE(\base + VECTORS + \index * EACH)
        .endif
        .endr
        .endm

        .macro  vectors base, is_load
        cmpb    $0, HERE(EXCHANGE_IS_WIDE)
        jne     .Lwide\@
        each_vector movups, xmm, \base, \is_load
        jmp     .Ldone\@
.Lwide\@:
        each_vector vmovups, ymm, \base, \is_load
.Ldone\@:
        .endm

        /* All but RSP. Changes the flags. */
        .macro  load_registers
        ldmxcsr HERE(REGISTERS_MXCSR)
        fldcw   HERE(REGISTERS_X87)
        vectors 0, 1
        each_general movq, 0, 1
        .endm

        .macro  store_registers
        each_general movq, STORED, 0
        pushfq
        popq    HERE(STORED + REGISTERS_RFLAGS)
        cld
        vectors STORED, 0
        stmxcsr HERE(STORED + REGISTERS_MXCSR)
        fnstcw  HERE(STORED + REGISTERS_X87)
        .endm

        /* One of these in each call holds the registers until an interrupt has come, or for so many
         * turns; the others do nothing. Changes the flags alone. */
        .macro  hold
        decq    HERE(EXCHANGE_HOLD)
        jnz     .Lend\@
        pushq   HERE(EXCHANGE_SPINS)
        popq    HERE(EXCHANGE_SPINS_LEFT)
.Lspin\@:
        pause
        cmpq    $0, HERE(EXCHANGE_HITS)
        jne     .Lend\@
        decq    HERE(EXCHANGE_SPINS_LEFT)
        jnz     .Lspin\@
.Lend\@:
        .endm

        .macro  function name, section
        .section \section, "ax", @progbits
        .globl  \name
        .type   \name, @function
\name:
        .endm

        /* ---- a callee ------------------------------------------------------------------------ */

        function harness_call, .text.harness_call
        .irp    register, rbx, rbp, r12, r13, r14, r15
        pushq   %\register
        .endr
        movq    %rsp, HERE(EXCHANGE_STACK_SAVED)
        subq    $(STACK_WORDS * 8 + 8), %rsp    /* aligned to 16 */
        movq    %fs:0, %rsi
        leaq    exchange@tpoff+REGISTERS_STACK(%rsi), %rsi
        movq    %rsp, %rdi
        movl    $STACK_WORDS, %ecx
        rep movsq
        movq    %rsp, HERE(EXCHANGE_STACK_BEFORE)
        jmp     harness_loaded

        function harness_loaded, conventions
        load_registers
        hold
        callq   *HERE(EXCHANGE_TARGET)
        hold
        store_registers
        jmp     harness_stored

        function harness_stored, .text.harness_call
        movq    HERE(EXCHANGE_STACK_SAVED), %rsp
        ldmxcsr default_mxcsr(%rip)
        fldcw   default_x87(%rip)
        .irp    register, r15, r14, r13, r12, rbp, rbx
        popq    %\register
        .endr
        retq

        /* What a callee may do to registers it is free to use, or has saved: leaves RSP alone, and
         * the control words, which belong to all functions. */
        function harness_spoil, conventions
        .irp    register, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
        movq    $-2, %\register
        .endr
        .irp    index, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        pxor    %xmm\index, %xmm\index
        .endr
        cmpb    $0, HERE(EXCHANGE_IS_WIDE)
        je      1f
        vzeroall
1:      retq

        function harness_destroy, conventions
        callq   harness_spoil
        hold
        retq

        /* The same for functions that are compiled with a frame pointer. */
        function harness_destroy_but_rbp, conventions
        pushq   %rbp
        callq   harness_spoil
        hold
        popq    %rbp
        retq

        /* A handler for interrupts of the CPU, entered with a frame as the CPU has it: SS, RSP,
         * RFLAGS, CS, RIP from the top, aligned to 16 above. A program may execute its IRETQ. */
        function plain_x86_intr, conventions
        pushq   $0
        pushq   $0
        movw    %ss, (%rsp)
        pushq   %rsp
        pushfq
        pushq   $0
        movw    %cs, (%rsp)
        pushq   $1f
        jmp     interrupt_x86
1:      addq    $16, %rsp
        retq

        /* ---- a caller ------------------------------------------------------------------------ */

        /* The callee of all callers: one code, called by every convention. */
        function record, conventions
        .irp    name, c, fast, cold, preserve_most, preserve_all, preserve_all_avx, regcall, \
                vectorcall, ms_abi, swift, swifttail, tail, cxx_fast_tls, preserve_none, ghc
        .globl  record_plain_\name, record_full_\name
record_plain_\name:
record_full_\name:
        .endr
        store_registers
        movq    %rsp, %rbx
        leaq    8(%rsp), %rdi
        andq    $-16, %rsp
        callq   record_inspect
        movq    %rbx, %rsp
        popq    %rcx
        addq    %rax, %rsp      /* arguments that a callee takes away */
        pushq   %rcx
        load_registers
        hold
        retq

        /* Self is in R13 and stays there, the error is in R12 both ways, the context in R14. Says 1
         * when there was no error, and makes self the error. The other takes away 8 bytes, as the
         * table says. */
        function swift_callee, .text.swift_callee
        xorl    %eax, %eax
        testq   %r12, %r12
        sete    %al
        movq    %r13, %r12
        retq

        function swifttail_callee, .text.swift_callee
        leaq    (%r13, %r14), %rax
        xorl    %r13d, %r13d
        xorl    %r14d, %r14d
        retq    $8

        /* ---- upcalls ------------------------------------------------------------------------- */

        /* RDI = frame, RSI = kind (capos/upcall.h). Counts, makes the two cheap calls of cold
         * paths, spoils what it can and returns by Signal.returnFrom in the register form. */
        function harness_handler, .text.harness_handler
        pushq   %rdi
        cmpl    $2, %esi
        je      4f
        ud2                     /* nothing here faults; in a handler this ends the process */
4:
        leaq    __start_conventions(%rip), %rax
        cmpq    %rax, 120(%rdi)
        jb      1f
        leaq    __stop_conventions(%rip), %rax
        cmpq    %rax, 120(%rdi)
        jae     1f
        incq    HERE(EXCHANGE_HITS)
1:      .irp    register, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r12, r13, r14, r15
        movq    $-1, %\register
        .endr
        .irp    index, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        pcmpeqd %xmm\index, %xmm\index
        .endr
        callq   handler_preserve_all
        .irp    index, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        pand    %xmm\index, %xmm0
        .endr
        pmovmskb %xmm0, %r11d
        cmpl    $0xffff, %r11d
        jne     2f
        callq   handler_preserve_most
        .irp    register, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r12, r13, r14, r15
        cmpq    $-1, %\register
        jne     2f
        .endr
        jmp     3f
2:      incq    HERE(EXCHANGE_BROKEN)
3:      popq    %rdx
        .rept   8
        fldpi
        .endr
        ldmxcsr upwards(%rip)
        callq   harness_spoil_in_handler
        movabsq $0x8000000000010201, %rdi
        movq    harness_signals(%rip), %rsi
        xorl    %r10d, %r10d
        xorl    %r8d, %r8d
        movq    $-1, %r9
        xorl    %eax, %eax
        std
        syscall
        ud2

        /* All but RDX. */
        function harness_spoil_in_handler, .text.harness_handler
        pushq   %rdx
        callq   harness_spoil
        popq    %rdx
        retq

        .section .rodata.harness, "a", @progbits
        .balign 4
default_mxcsr:
        .long   0x1f80
upwards:
        .long   0x5f80
default_x87:
        .word   0x37f

        .data
        .balign 8
        .globl  harness_signals
harness_signals:
        .quad   0

        .section .note.GNU-stack, "", @progbits
