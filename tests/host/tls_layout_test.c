#include "core/tls_layout.h"

#include "core/elf.h"
#include "tests/host/test.h"

/* Where the linker puts the variable at offset 0 of the TLS segment, from the thread pointer
 * (psABI, "TLS descriptors and variant II"): minus the size rounded up to the alignment. */
static uint64_t linker_distance(uint64_t size, uint64_t align) {
    uint64_t step = align != 0 ? align : 1;
    return (size + step - 1) / step * step;
}

static void check_layout(uint64_t size, uint64_t align) {
    struct tls_layout layout;
    CHECK_EQUAL(tls_layout_compute(size, align, &layout), CAPOS_OK);
    CHECK(layout.align >= 64 && layout.align >= align);
    CHECK_EQUAL(layout.total % layout.align, 0);
    CHECK_EQUAL(layout.pointer_offset % layout.align, 0);
    CHECK_EQUAL(layout.pointer_offset - layout.block_offset, linker_distance(size, align));
    CHECK(align == 0 || layout.block_offset % align == 0);
    CHECK(layout.block_offset + size <= layout.pointer_offset);
    CHECK(layout.pointer_offset + TLS_TCB_BYTES <= layout.total);
    CHECK(layout.total < size + 3 * layout.align);
}

TEST(every_size_and_alignment) {
    for (uint64_t align = 1; align <= ELF_TLS_ALIGN_MAX; align *= 2) {
        for (uint64_t size = 0; size < 9000; size += size < 300 ? 1 : 61) {
            check_layout(size, align);
        }
        check_layout(ELF_TLS_SIZE_MAX - 1, align);
        check_layout(ELF_TLS_SIZE_MAX, align);
    }
    check_layout(0, 0);
    check_layout(100, 0);
}

TEST(what_is_over_the_limits_is_refused) {
    struct tls_layout layout = {.total = 1};
    CHECK_EQUAL(tls_layout_compute(ELF_TLS_SIZE_MAX + 1, 1, &layout), CAPOS_E_INVALID_ARGUMENT);
    CHECK_EQUAL(tls_layout_compute(UINT64_MAX, 1, &layout), CAPOS_E_INVALID_ARGUMENT);
    CHECK_EQUAL(tls_layout_compute(8, ELF_TLS_ALIGN_MAX * 2, &layout), CAPOS_E_INVALID_ARGUMENT);
    CHECK_EQUAL(tls_layout_compute(8, 24, &layout), CAPOS_E_INVALID_ARGUMENT);
    CHECK_EQUAL(tls_layout_compute(8, UINT64_MAX, &layout), CAPOS_E_INVALID_ARGUMENT);
    CHECK_EQUAL(layout.total, 1);
}

TEST(empty_block_is_a_tcb_alone) {
    struct tls_layout layout;
    CHECK_EQUAL(tls_layout_compute(0, 1, &layout), CAPOS_OK);
    CHECK_EQUAL(layout.total, TLS_TCB_BYTES);
    CHECK_EQUAL(layout.pointer_offset, 0);
}
