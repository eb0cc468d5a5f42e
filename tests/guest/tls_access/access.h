#pragma once
/*
 * Thread-local variables of every kind, for tests/guest/tls_access.c. The variables are of
 * variables.c; the code that reads and writes them is access.c, which is compiled in several ways
 * (user/module.mk) by the files access_NAME.c.
 */
#include <stdbool.h>
#include <stdint.h>

typedef uint32_t vector16 __attribute__((vector_size(16)));
typedef uint32_t vector32 __attribute__((vector_size(32)));

#define ROW 7u

/* Type, name, initial value. Each has a variable in .tdata, one in .tbss, and a row of both. */
#define TLS_SCALARS(X)                                                                             \
    X(uint8_t, byte, 0xa1)                                                                         \
    X(uint16_t, half, 0xb2b3)                                                                      \
    X(uint32_t, word, 0xc4c5c6c7)                                                                  \
    X(uint64_t, wide, 0xd8d9dadbdcdddedf)                                                          \
    X(unsigned __int128, widest, 0xe0e1e2e3e4e5e6e7)                                               \
    X(int8_t, signed_byte, -2)                                                                     \
    X(int16_t, signed_half, -300)                                                                  \
    X(float, single, 1.5f)                                                                         \
    X(double, precise, -2.25)                                                                      \
    X(long double, longest, 3.125L)

#define DECLARE(type, name, initial)                                                               \
    extern _Thread_local type tls_##name, tls_##name##_zero, tls_##name##_row[ROW],                \
        tls_##name##_zeros[ROW];
TLS_SCALARS(DECLARE)
#undef DECLARE

extern _Thread_local vector16 tls_vector16, tls_vector16_zero;
extern _Thread_local vector32 tls_vector32, tls_vector32_zero;

struct tls_bits {
    uint32_t three : 3, thirteen : 13, sixteen : 16;
    int32_t sign : 5;
    uint64_t forty : 40, rest : 24;
};
extern _Thread_local struct tls_bits tls_bits, tls_bits_zero;

struct tls_block {
    uint8_t head;
    uint8_t bytes[200];
    uint8_t *self; /* addresses are given by the thread itself */
};
extern _Thread_local struct tls_block tls_block, tls_block_zero;

/* Bytes of these alignments, between which nothing else may be touched. */
#define TLS_ALIGNMENTS(X)                                                                          \
    X(1) X(2) X(4) X(8) X(16) X(32) X(64) X(128) X(256) X(512) X(1024) X(2048) X(4096)
#define DECLARE(alignment)                                                                         \
    extern _Thread_local uint8_t tls_aligned##alignment, tls_aligned_zero##alignment;
TLS_ALIGNMENTS(DECLARE)
#undef DECLARE

/* Nobody defines it. */
extern _Thread_local uint64_t tls_absent __attribute__((weak));

/* What a way of compiling makes of all this. */
struct tls_access {
    const char *name;
    bool (*is_fresh)(void);              /* initial values, alignments */
    void (*set)(uint64_t seed);          /* writes all, each in a way of its own */
    bool (*is_set)(uint64_t seed);       /* reads all */
    bool (*has_modified)(uint64_t seed); /* read-modify-write, atomics, copies; then as set */
    uint8_t *(*places[2])(void);         /* of tls_byte and of a variable of the object's own */
};
extern const struct tls_access tls_access, tls_access_plain, tls_access_initial,
    tls_access_initial_plain, tls_access_large;

/* Of assembly.S: each form of access to tls_wide, and of its address. */
uint64_t tls_read_local(void), tls_read_local_far(void), tls_read_initial(void);
uint64_t *tls_place_local(void), *tls_place_initial(void);
void tls_write_local(uint64_t value), tls_write_initial(uint64_t value);

/* AVX, which the CPU may not have, and of which CPUID and XCR0 say so. */
bool tls_cpu_has_avx(void), tls_cpu_has_cmpxchg16b(void);
