#pragma once
/* For tests of handlers: what the last one saw. */
#include <capos/handler.h>

#include "tests/guest/tap.h"

/* Of the XSAVE area (SDM volume 1, 13.4.1). */
#define AREA_X87_STATUS 2u
#define AREA_MXCSR 24u
#define AREA_XMM(number) (160u + 16u * (number))

/* What the handler saw last. */
static struct {
    unsigned count;
    uint64_t handler_flags;
    uint32_t mxcsr, area_mxcsr;
    uint16_t x87_control;
    bool is_vector_state_initial;
    struct capos_upcall_frame frame; /* without its area */
} seen;

static inline void seen_note(const struct capos_upcall_frame *frame) {
    uint64_t low, high;
    __asm__ volatile("leaq -128(%%rsp), %%rsp\n pushfq\n popq %0\n leaq 128(%%rsp), %%rsp"
                     : "=r"(seen.handler_flags));
    __asm__ volatile("stmxcsr %0\n fnstcw %1" : "=m"(seen.mxcsr), "=m"(seen.x87_control));
    __asm__ volatile("movq %%xmm15, %0\n punpckhqdq %%xmm15, %%xmm15\n movq %%xmm15, %1"
                     : "=r"(low), "=r"(high)
                     :
                     : "xmm15");
    memcpy(&seen.area_mxcsr, frame->xsave + AREA_MXCSR, sizeof seen.area_mxcsr);
    seen.is_vector_state_initial = (low | high) == 0;
    seen.count++;
    seen.frame = *frame;
}
