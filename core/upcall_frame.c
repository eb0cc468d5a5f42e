#include "core/upcall_frame.h"

#include <stddef.h>

/* The XSAVE area, standard form (SDM volume 1, 13.4). */
#define AREA_MXCSR 24u
#define AREA_HEADER 512u
#define AREA_HEADER_WORDS 8u

static uint64_t area_word(const struct capos_upcall_frame *frame, size_t offset) {
    uint64_t word;
    __builtin_memcpy(&word, frame->xsave + offset, sizeof word);
    return word;
}

/* What XRSTOR and FXRSTOR refuse with an exception (SDM volume 1, 13.8.1; volume 2, FXRSTOR). */
static inline const char *area_flaw(const struct upcall_machine *machine,
                                    const struct capos_upcall_frame *frame) {
    if (((uint32_t)area_word(frame, AREA_MXCSR) & ~machine->mxcsr_mask) != 0) {
        return "MXCSR";
    }
    if (machine->components == 0) {
        return NULL;
    }
    if ((area_word(frame, AREA_HEADER) & ~machine->components) != 0) {
        return "XSTATE_BV";
    }
    uint64_t reserved = 0;
    for (size_t i = 1; i < AREA_HEADER_WORDS; i++) {
        reserved |= area_word(frame, AREA_HEADER + i * sizeof reserved);
    }
    return reserved != 0 ? "XSAVE header" : NULL;
}

const char *upcall_frame_flaw(const struct upcall_machine *machine,
                              const struct capos_upcall_frame *frame) {
    if (frame->size != upcall_frame_bytes(machine)) {
        return "size";
    }
    if (frame->rip >= machine->user_high) {
        return "RIP";
    }
    if (frame->rsp >= machine->user_high) {
        return "RSP";
    }
    if (frame->fs_base >= machine->user_high) {
        return "FS base";
    }
    if ((frame->mask & ~CAPOS_UPCALL_MASK_ALL) != 0) {
        return "mask";
    }
    if ((frame->flags & ~(uint32_t)CAPOS_UPCALL_IN_CALL) != 0) {
        return "flags";
    }
    return area_flaw(machine, frame);
}
