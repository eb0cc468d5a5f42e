#include "access.h"

#define DEFINE(type, name, initial)                                                                \
    _Thread_local type tls_##name = (type)(initial), tls_##name##_zero,                            \
                       tls_##name##_row[ROW] = {[0] = (type)(initial), [ROW - 1] = 1},             \
                       tls_##name##_zeros[ROW];
TLS_SCALARS(DEFINE)
#undef DEFINE

_Thread_local vector16 tls_vector16 = {1, 2, 3, 4}, tls_vector16_zero;
_Thread_local vector32 tls_vector32 = {1, 2, 3, 4, 5, 6, 7, 8}, tls_vector32_zero;
_Thread_local struct tls_bits tls_bits = {5, 4097, 40000, -9, UINT64_C(0xabcdef0123), 0x456789},
                              tls_bits_zero;
_Thread_local struct tls_block tls_block = {.head = 6, .bytes = {[199] = 7}}, tls_block_zero;

#define DEFINE(alignment)                                                                          \
    _Thread_local _Alignas(alignment) uint8_t tls_aligned##alignment = (uint8_t)(alignment % 251); \
    _Thread_local _Alignas(alignment) uint8_t tls_aligned_zero##alignment;
TLS_ALIGNMENTS(DEFINE)
#undef DEFINE

bool tls_cpu_has_cmpxchg16b(void) {
    uint32_t eax = 1, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return (ecx >> 13 & 1) != 0;
}

bool tls_cpu_has_avx(void) {
    uint32_t eax = 1, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    if ((ecx >> 27 & 3) != 3) {
        return false;
    }
    __asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return (eax & 6) == 6;
}
