#include "core/tls_layout.h"

#include "core/align.h"
#include "core/elf.h"

status_t tls_layout_compute(uint64_t tls_size, uint64_t tls_align, struct tls_layout *layout) {
    uint64_t block_align = tls_align != 0 ? tls_align : 1;
    if (tls_size > ELF_TLS_SIZE_MAX || block_align > ELF_TLS_ALIGN_MAX ||
        !is_power_of_two(block_align)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    uint64_t align = block_align > TLS_TCB_BYTES ? block_align : TLS_TCB_BYTES;
    /* The linker has fixed the offsets of variables as x - round_up(tls_size, tls_align) from the
     * thread pointer, so the slack of a larger alignment goes before the block, not after it. */
    uint64_t block_size = round_up(tls_size, block_align);
    uint64_t pointer_offset = round_up(block_size, align);
    *layout = (struct tls_layout){
        .total = round_up(pointer_offset + TLS_TCB_BYTES, align),
        .align = align,
        .block_offset = pointer_offset - block_size,
        .pointer_offset = pointer_offset,
    };
    return CAPOS_OK;
}
