#include "core/chacha20.h"

static uint32_t rotate(uint32_t value, uint32_t bits) {
    return value << bits | value >> (32 - bits);
}

static void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d) {
    *a += *b;
    *d = rotate(*d ^ *a, 16);
    *c += *d;
    *b = rotate(*b ^ *c, 12);
    *a += *b;
    *d = rotate(*d ^ *a, 8);
    *c += *d;
    *b = rotate(*b ^ *c, 7);
}

static void double_round(uint32_t x[16]) {
    for (uint32_t i = 0; i < 4; i++) { /* columns */
        quarter_round(&x[i], &x[i + 4], &x[i + 8], &x[i + 12]);
    }
    for (uint32_t i = 0; i < 4; i++) { /* diagonals */
        quarter_round(&x[i], &x[4 + (i + 1) % 4], &x[8 + (i + 2) % 4], &x[12 + (i + 3) % 4]);
    }
}

void chacha20_block(const uint32_t key[CHACHA20_KEY_WORDS], uint32_t counter,
                    const uint32_t nonce[3], uint8_t block[CHACHA20_BLOCK_BYTES]) {
    uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, /* "expand 32-byte k" */
                          key[0],     key[1],     key[2],     key[3],     key[4],   key[5],
                          key[6],     key[7],     counter,    nonce[0],   nonce[1], nonce[2]};
    uint32_t x[16];
    for (uint32_t i = 0; i < 16; i++) {
        x[i] = start[i];
    }
    for (uint32_t round = 0; round < 10; round++) {
        double_round(x);
    }
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t word = x[i] + start[i];
        for (uint32_t byte = 0; byte < 4; byte++) {
            block[4 * i + byte] = (uint8_t)(word >> (8 * byte));
        }
    }
}
