/*
 * The first instructions: from the boot loader's 32-bit protected mode to 64-bit C in the higher
 * half. Two entries that share everything but where the loader's words are: PVH (start_info in EBX,
 * EAX undefined) and Multiboot2 (EAX = 0x36d76289, EBX = boot information).
 *
 * The page tables made here map the first 4 GiB three times: identically, at the direct map and
 * (the first GiB) at the kernel's base. kernel/arch/x86_64/paging.c replaces them.
 */
#include "kernel/arch/x86_64/layout.h"

#define PAGE_PRESENT_WRITE 0x3
#define PAGE_LARGE 0x80

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18              /* name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long pvh_start

    .section .multiboot2, "a"
    .balign 8
multiboot2_header:              /* Multiboot2 specification 1.6, section 3.1 */
    .long 0xe85250d6, 0
    .long multiboot2_header_end - multiboot2_header
    .long -(0xe85250d6 + (multiboot2_header_end - multiboot2_header))
    .balign 8
    .word 3, 0                  /* entry address tag */
    .long 12, multiboot2_start
    .balign 8
    .word 6, 0                  /* modules on page boundaries */
    .long 8
    .balign 8
    .word 0, 0
    .long 8
multiboot2_header_end:

    .section .boot.text, "ax"
    .code32
    .global pvh_start
pvh_start:
    cld
    movl $1, boot_loader
    jmp start32
multiboot2_start:
    cld
    movl $2, boot_loader
start32:
    movl %ebx, boot_information
    rdtsc
    movl %eax, boot_tsc
    movl %edx, boot_tsc + 4
    movl $boot_stack_top, %esp

    /* Four page directories of 2 MiB pages cover 4 GiB. */
    movl $boot_directories, %edi
    movl $(PAGE_PRESENT_WRITE | PAGE_LARGE), %eax
    movl $2048, %ecx
1:  movl %eax, (%edi)
    movl $0, 4(%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 1b

    movl $boot_pdpt, %edi
    movl $(boot_directories + PAGE_PRESENT_WRITE), %eax
    movl $4, %ecx
2:  movl %eax, (%edi)
    addl $0x1000, %eax
    addl $8, %edi
    loop 2b
    movl $(boot_directories + PAGE_PRESENT_WRITE), boot_pdpt_kernel + 510 * 8
    movl $(boot_pdpt + PAGE_PRESENT_WRITE), boot_pml4
    movl $(boot_pdpt + PAGE_PRESENT_WRITE), boot_pml4 + 256 * 8
    movl $(boot_pdpt_kernel + PAGE_PRESENT_WRITE), boot_pml4 + 511 * 8

    call enter_long_mode
    lgdt boot_gdt_pointer
    ljmp $8, $start64

/* Turns paging and long mode on with boot_pml4. Also used by the other CPUs. */
    .global enter_long_mode
enter_long_mode:
    movl %cr4, %eax
    orl $0x20, %eax             /* PAE */
    movl %eax, %cr4
    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl $0x80000001, %eax      /* does the CPU have NX? */
    cpuid
    movl %edx, %esi
    movl $0xc0000080, %ecx      /* EFER */
    rdmsr
    orl $0x100, %eax            /* LME */
    testl $(1 << 20), %esi
    jz 3f
    orl $0x800, %eax            /* NXE */
3:  wrmsr
    movl %cr0, %eax
    andl $~0x60000000, %eax     /* caches on: CD and NW clear */
    orl $0x80010001, %eax       /* PG, WP, PE */
    movl %eax, %cr0
    ret

    .code64
start64:
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    movabsq $boot_cpu_stack + KERNEL_STACK_BYTES, %rsp
    xorl %ebp, %ebp
    movl boot_loader, %edi
    movl boot_information, %esi
    movq boot_tsc, %rdx
    pushq $0
    movabsq $kernel_main, %rax
    jmp *%rax

    .section .boot.data, "aw"
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00209a0000000000    /* 64-bit code, ring 0 */
boot_gdt_pointer:
    .word 15
    .long boot_gdt
    .long 0
    .balign 8
boot_tsc: .quad 0
boot_loader: .long 0
boot_information: .long 0

    .section .boot.bss, "aw", @nobits
    .balign 4096
    .global boot_pml4
boot_pml4: .skip 4096
boot_pdpt: .skip 4096
boot_pdpt_kernel: .skip 4096
boot_directories: .skip 4 * 4096
    .skip 1024
boot_stack_top:
