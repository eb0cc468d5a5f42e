#pragma once
/* The vector registers, held with known contents for a while: registers.S. */
#include <stdint.h>

enum { VECTOR_COUNT = 16, VECTOR_BYTES = 32 };

struct vectors {
    _Alignas(32) uint8_t bytes[VECTOR_COUNT][VECTOR_BYTES];
};

/*
 * Loads all 16 registers from *in, spins, crosses into the kernel and back with an operation that
 * does nothing, spins again, and stores the registers to *out. xmm uses the low 16 bytes of each.
 */
void hold_xmm(const struct vectors *in, struct vectors *out, uint64_t spins);
void hold_ymm(const struct vectors *in, struct vectors *out, uint64_t spins);
