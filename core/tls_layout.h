#pragma once
/*
 * Where a thread's static TLS block goes: ELF TLS, variant II (psABI for x86-64, section 3.4.6;
 * "ELF Handling For Thread-Local Storage", Drepper). The block ends at the thread pointer, the TCB
 * stands at the thread pointer and its first word points to itself; %fs:0x28 is the stack guard.
 */
#include <stdint.h>

#include "core/status.h"

#define TLS_TCB_BYTES 64u
#define TLS_TCB_GUARD_OFFSET 0x28u

struct tls_layout {
    uint64_t total;          /* bytes of block and TCB together, a multiple of align */
    uint64_t align;          /* of the whole, at least 64 */
    uint64_t block_offset;   /* of .tdata's first byte */
    uint64_t pointer_offset; /* of the thread pointer (FS base) and the TCB */
};

/* tls_align is 0 or a power of two. invalidArgument when it is neither, or sizes are over the
 * limits of core/elf.h. */
MUST_CHECK status_t tls_layout_compute(uint64_t tls_size, uint64_t tls_align,
                                       struct tls_layout *layout);
