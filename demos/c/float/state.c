#include "state.h"

#include <capos/capos.h>

#include "registers.h"

#define SPINS 20000u

/* What FNINIT and reset leave: SDM volume 1, sections 8.1.5 and 10.2.3. */
#define X87_DEFAULT 0x037f
#define MXCSR_DEFAULT 0x1f80

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators" (2014). */
static uint64_t random_next(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* AVX needs the CPU's word and the kernel's: CPUID.1:ECX bits 27 and 28, XCR0 bits 1 and 2
 * (SDM volume 1, section 14.3). */
bool state_is_wide(void) {
    uint32_t eax = 1, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    if ((ecx >> 27 & 3) != 3) {
        return false;
    }
    __asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return (eax & 6) == 6;
}

static void set_control(uint16_t x87, uint32_t mxcsr) {
    __asm__ volatile("fldcw %0" : : "m"(x87));
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}

static bool control_is(uint16_t x87, uint32_t mxcsr) {
    uint16_t x87_found;
    uint32_t mxcsr_found;
    __asm__ volatile("fnstcw %0" : "=m"(x87_found));
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr_found));
    return x87_found == x87 && mxcsr_found == mxcsr;
}

static bool run_round(uint64_t *random, bool is_wide) {
    static struct vectors pattern, found;
    uint16_t x87 = (uint16_t)(X87_DEFAULT | (random_next(random) >> 32 & 3) << 10);
    uint32_t mxcsr = (uint32_t)(MXCSR_DEFAULT | (random_next(random) >> 32 & 3) << 13);
    for (size_t index = 0; index < VECTOR_COUNT; index++) {
        for (size_t byte = 0; byte < VECTOR_BYTES; byte++) {
            pattern.bytes[index][byte] = (uint8_t)(random_next(random) >> 32);
        }
    }
    set_control(x87, mxcsr);
    (is_wide ? hold_ymm : hold_xmm)(&pattern, &found, SPINS);
    bool is_kept = control_is(x87, mxcsr);
    set_control(X87_DEFAULT, MXCSR_DEFAULT);
    for (size_t index = 0; index < VECTOR_COUNT; index++) {
        size_t bytes = is_wide ? VECTOR_BYTES : VECTOR_BYTES / 2;
        is_kept &= memcmp(pattern.bytes[index], found.bytes[index], bytes) == 0;
    }
    return is_kept;
}

bool state_is_kept(uint64_t seed, uint64_t rounds) {
    uint64_t random = seed * 2 + 1; /* the generator would stay at 0 */
    bool is_wide = state_is_wide();
    bool is_kept = control_is(X87_DEFAULT, MXCSR_DEFAULT);
    for (uint64_t round = 0; is_kept && round < rounds; round++) {
        is_kept = run_round(&random, is_wide);
    }
    return is_kept;
}
