/*
 * bool machine_is_as_promised(void): what a function of the System V convention may count on when it
 * is called (psABI for x86-64, 3.2 and 3.4), looked at where the languages call it. The way of
 * rounding is the program's.
 */
        .section .text.machine_is_as_promised, "ax", @progbits
        .globl  machine_is_as_promised
        .type   machine_is_as_promised, @function
machine_is_as_promised:
        leaq    8(%rsp), %rax           # the stack is aligned to 16 before the call
        testb   $15, %al
        jne     1f
        pushfq
        popq    %rax
        testl   $0x400, %eax            # the direction flag is clear
        jne     1f
        movq    %fs:0, %rax             # the thread pointer points to itself
        testq   %rax, %rax
        je      1f
        cmpq    %rax, (%rax)
        jne     1f
        fnstcw  -8(%rsp)                # x87: all exceptions masked, 64 bits of mantissa
        movzwl  -8(%rsp), %eax
        cmpl    $0x37f, %eax
        jne     1f
        fnstsw  %ax                     # and an empty stack
        testl   $0x3800, %eax
        jne     1f
        stmxcsr -8(%rsp)                # all exceptions masked, subnormal numbers as they are
        movl    -8(%rsp), %eax
        andl    $0x9fc0, %eax
        cmpl    $0x1f80, %eax
        jne     1f
        movl    $1, %eax
        retq
1:      xorl    %eax, %eax
        retq
        .size   machine_is_as_promised, . - machine_is_as_promised

        .section .note.GNU-stack, "", @progbits
