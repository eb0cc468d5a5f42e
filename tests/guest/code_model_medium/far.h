#pragma once
/* The static data of tests/guest/code_model_medium.c. The linker puts the zeros behind what is
 * near, and constants and initialised data behind the zeros. */
#include <stdint.h>

#define FAR_WORDS 16384u                    /* 64 KiB or more are far by themselves */
#define FAR_ZEROS_BYTES (UINT64_C(5) << 30) /* so that an index does not fit into 32 bits */

struct far_mix {
    uint8_t byte;
    uint16_t half : 9, rest : 7;
    uint32_t word;
    uint64_t wide;
    double fraction;
    uint8_t *place;
    uint8_t fill[65536];
};

/* Of far.c, which is compiled as the medium model. Each of these is far by its size. */
extern const uint64_t far_constants[FAR_WORDS];
extern uint64_t far_before[FAR_WORDS], far_table[FAR_WORDS];
extern struct far_mix far_mix;
extern uint8_t far_zeros[FAR_ZEROS_BYTES], far_zeros_after[65536 * 2];

/* Near, and full of addresses of what is far. */
extern uint8_t *const far_places[4];
extern uint64_t near_counter;
extern _Thread_local uint64_t near_thread_counter;

/* Of near.c, which is compiled as the small model, and is given the addresses. */
uint64_t near_sum(const uint64_t *words, uint64_t count);
void near_fill(uint8_t *bytes, uint64_t count, uint8_t value);
uint64_t *near_pick(uint64_t *table, int64_t index);
