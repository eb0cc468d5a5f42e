#include "far.h"

const uint64_t far_constants[FAR_WORDS] = {[0] = 11, [1] = 12, [FAR_WORDS - 1] = 13};

uint64_t far_before[FAR_WORDS] = {[0] = 21, [FAR_WORDS - 1] = 22};
uint64_t far_table[FAR_WORDS] = {[0] = 31, [FAR_WORDS / 2] = 32, [FAR_WORDS - 1] = 33};
struct far_mix far_mix = {.byte = 0xa5,
                          .half = 300,
                          .rest = 77,
                          .word = 0xdeadbeef,
                          .wide = UINT64_C(0x0123456789abcdef),
                          .fraction = 2.5,
                          .place = far_zeros + (UINT64_C(4) << 30),
                          .fill = {[65535] = 99}};

uint8_t far_zeros[FAR_ZEROS_BYTES];
uint8_t far_zeros_after[65536 * 2];

uint8_t *const far_places[4] = {
    far_zeros,
    far_zeros + FAR_ZEROS_BYTES - 1,
    (uint8_t *)&far_table[FAR_WORDS / 2],
    (uint8_t *)&far_mix.word,
};
uint64_t near_counter = 41;
_Thread_local uint64_t near_thread_counter = 51;
