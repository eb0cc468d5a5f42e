// grants: console
// cpus: 1
// also: --cpu qemu64

/* Every register as a program finds it at its first instruction. */
#include "tests/guest/tap.h"

enum { RSP = 4, RDI = 7, GENERAL_COUNT = 16, VECTOR_WORDS = 32 };

/* Stored by first_registers/entry.S. */
uint64_t first_general[GENERAL_COUNT], first_vectors[VECTOR_WORDS], first_flags;
uint32_t first_mxcsr;
uint16_t first_x87_control;

int main(int argc, char **argv) {
    CHECK_EQUAL(first_general[RDI], (uintptr_t)capos_start_page);
    CHECK_EQUAL(first_general[RSP], (uintptr_t)(argv - 1));
    CHECK_EQUAL(first_general[RSP] % 16, 0);
    uint64_t others = 0, vectors = 0;
    for (unsigned index = 0; index < GENERAL_COUNT; index++) {
        others |= index == RDI || index == RSP ? 0 : first_general[index];
    }
    CHECK_EQUAL(others, 0);
    for (unsigned index = 0; index < VECTOR_WORDS; index++) {
        vectors |= first_vectors[index];
    }
    CHECK_EQUAL(vectors, 0);
    CHECK_EQUAL(first_flags, 0x202);
    CHECK_EQUAL(first_mxcsr, 0x1f80);
    CHECK_EQUAL(first_x87_control, 0x37f);
    return tap_finish();
}
