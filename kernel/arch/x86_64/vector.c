#include "kernel/arch/x86_64/vector.h"

#include "kernel/arch/x86_64/cpu.h"

#define FCW_OFFSET 0
#define MXCSR_OFFSET 24
#define MXCSR_MASK_OFFSET 28
#define XSTATE_BV_OFFSET 512
#define XSAVE_HEADER_BYTES 64

/* EDX:EAX of the instructions; none of the components that the kernel turns on is above 31. */
#define COMPONENTS_LOW ((uint32_t)cpu_features.xcr0)
#define COMPONENTS_HIGH 0u

#define FCW_DEFAULT 0x37f
#define MXCSR_DEFAULT 0x1f80
#define MXCSR_MASK_DEFAULT 0xffbf /* of CPUs that do not say (SDM volume 1, 11.6.6) */

void vector_state_init(uint8_t *area) {
    uint16_t fcw = FCW_DEFAULT;
    uint32_t mxcsr = MXCSR_DEFAULT;
    memcpy(area + FCW_OFFSET, &fcw, sizeof fcw);
    memcpy(area + MXCSR_OFFSET, &mxcsr, sizeof mxcsr);
    if (cpu_features.xsave) {
        /* x87 and SSE come from the area, so that the control words above count; the rest of the
         * components is not in it, and XRSTOR gives those their initial state. */
        uint64_t components = 3;
        memcpy(area + XSTATE_BV_OFFSET, &components, sizeof components);
    }
}

inline void vector_state_save(uint8_t *area) {
    if (!cpu_features.xsave) {
        __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
        return;
    }
    uint32_t low = COMPONENTS_LOW, high = COMPONENTS_HIGH;
    if (cpu_features.xsaveopt) {
        __asm__ volatile("xsaveopt64 (%0)" : : "r"(area), "a"(low), "d"(high) : "memory");
    } else {
        __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(low), "d"(high) : "memory");
    }
}

/*
 * AMD CPUs without this feature leave the x87 instruction and data pointers as they are when no x87
 * exception is pending, so that one program would see addresses of another: load something of ours
 * first (AMD64 manual volume 2, 11.5; CPUID 8000_0008 EBX bit 2).
 */
static void forget_x87_pointers(void) {
    static const uint32_t nothing = 0;
    __asm__ volatile("fnclex; emms; fildl %0; fstp %%st(0)" : : "m"(nothing));
}

void vector_state_restore(const uint8_t *area) {
    if (cpu_features.x87_pointers_stay) {
        forget_x87_pointers();
    }
    vector_state_load(area);
}

void vector_state_load(const uint8_t *area) {
    if (!cpu_features.xsave) {
        __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
        return;
    }
    __asm__ volatile("xrstor64 (%0)"
                     :
                     : "r"(area), "a"(COMPONENTS_LOW), "d"(COMPONENTS_HIGH)
                     : "memory");
}

void vector_state_write(uint8_t *area) {
    if (!cpu_features.xsave) {
        __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
        return;
    }
    /* XSAVE sets some bits of the header's first word and leaves the rest, which XRSTOR wants to be
     * zero. */
    uint64_t *header = (uint64_t *)(void *)(area + XSTATE_BV_OFFSET);
    for (unsigned i = 0; i < XSAVE_HEADER_BYTES / sizeof *header; i++) {
        header[i] = 0;
    }
    __asm__ volatile("xsave64 (%0)"
                     :
                     : "r"(area), "a"(COMPONENTS_LOW), "d"(COMPONENTS_HIGH)
                     : "memory");
}

void vector_state_reset(uint8_t *area) {
    if (!cpu_features.xsave) {
        memset(area, 0, cpu_features.xsave_bytes);
        vector_state_init(area);
    } else {
        /* Components that are not in the area get their initial state; MXCSR comes from there. */
        *(uint64_t *)(void *)(area + XSTATE_BV_OFFSET) = 0;
        *(uint32_t *)(void *)(area + MXCSR_OFFSET) = MXCSR_DEFAULT;
    }
    vector_state_load(area);
}

uint32_t vector_mxcsr_mask(void) {
    static _Alignas(16) uint8_t area[512];
    uint32_t mask;
    __asm__ volatile("fxsave64 %0" : "=m"(area));
    memcpy(&mask, area + MXCSR_MASK_OFFSET, sizeof mask);
    return mask != 0 ? mask : MXCSR_MASK_DEFAULT;
}
