/*
 * uint64_t read_clock(const void *page): the code of docs/abi.md, "The clock page", as a function.
 */
        .section .text.read_clock, "ax", @progbits
        .globl read_clock
        .type read_clock, @function
read_clock:
        cmpl    $0, 4(%rdi)             /* valid */
        je      1f
        lfence
        rdtsc
        shlq    $32, %rdx
        orq     %rdx, %rax
        subq    8(%rdi), %rax           /* base_tsc */
        mulq    24(%rdi)                /* multiplier: RDX:RAX = ticks * multiplier */
        shrdq   $32, %rdx, %rax
        addq    16(%rdi), %rax          /* base_ns */
        ret
1:      xorl    %eax, %eax
        ret
        .size read_clock, . - read_clock

        .section .note.GNU-stack, "", @progbits
