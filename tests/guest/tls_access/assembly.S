/*
 * Thread-local variables as assembly names them: at an offset from FS (local-exec), at one that is
 * in a register, and at one that is looked up (initial-exec), which the linker makes immediate.
 */
        .text

        .globl tls_read_local, tls_write_local, tls_place_local
tls_read_local:
        movq    %fs:tls_wide@tpoff, %rax
        ret
tls_write_local:
        movq    %rdi, %fs:tls_wide@tpoff
        ret
tls_place_local:
        movq    %fs:0, %rax
        leaq    tls_wide@tpoff(%rax), %rax
        ret

        .globl tls_read_local_far
tls_read_local_far:
        movabsq $tls_wide@tpoff, %rax
        movq    %fs:(%rax), %rax
        ret

        .globl tls_read_initial, tls_write_initial, tls_place_initial
tls_read_initial:
        movq    tls_wide@gottpoff(%rip), %r11
        movq    %fs:(%r11), %rax
        ret
tls_write_initial:
        movq    tls_wide@gottpoff(%rip), %rax
        movq    %rdi, %fs:(%rax)
        ret
tls_place_initial:
        movq    %fs:0, %r10
        addq    tls_wide@gottpoff(%rip), %r10
        movq    %r10, %rax
        ret

        .section .note.GNU-stack, "", @progbits
