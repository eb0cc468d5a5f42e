/*
 * Where a CPU begins after STARTUP: real mode, CS = page << 8, IP = 0. The code is copied to page
 * SMP_PAGE below 1 MiB and does the same steps as boot.S. The words at its end are filled in by smp.c
 * for one CPU at a time.
 */
#define SMP_PAGE 8
#define BASE (SMP_PAGE << 12)
#define AT(symbol) (BASE + symbol - smp_trampoline)

    .section .rodata.smp, "a"
    .global smp_trampoline, smp_trampoline_end
    .global smp_trampoline_root, smp_trampoline_stack, smp_trampoline_argument
    .code16
smp_trampoline:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    lgdtl smp_gdt_pointer - smp_trampoline
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $8, $AT(smp_start32)

    .code32
smp_start32:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %ss
    movl $AT(smp_trampoline_end) + 256, %esp /* for one call: the page has room */
    movl $enter_long_mode, %eax
    call *%eax
    ljmpl $24, $AT(smp_start64)

    .code64
smp_start64:
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    movq AT(smp_trampoline_root), %rax
    movq AT(smp_trampoline_stack), %rcx
    movq AT(smp_trampoline_argument), %rdi
    movabsq $smp_entry, %rdx
    jmp *%rdx

    .balign 8
smp_gdt:
    .quad 0
    .quad 0x00cf9a000000ffff    /* 32-bit code */
    .quad 0x00cf92000000ffff    /* data */
    .quad 0x00209a0000000000    /* 64-bit code */
smp_gdt_pointer:
    .word 31
    .long AT(smp_gdt)
    .balign 8
smp_trampoline_root: .quad 0
smp_trampoline_stack: .quad 0
smp_trampoline_argument: .quad 0
smp_trampoline_end:

    /* In the kernel's text, which both page tables map: from the boot tables to the kernel's own,
     * where the stack is. */
    .section .text.smp, "ax"
smp_entry:
    movq %rax, %cr3
    movq %rcx, %rsp
    xorl %ebp, %ebp
    pushq $0
    jmp smp_cpu_main
