#pragma once
/* The ChaCha20 block function (RFC 8439, section 2.3). */
#include <stdint.h>

#define CHACHA20_KEY_WORDS 8u
#define CHACHA20_BLOCK_BYTES 64u

/* One block of the key stream. nonce has three words. */
void chacha20_block(const uint32_t key[CHACHA20_KEY_WORDS], uint32_t counter,
                    const uint32_t nonce[3], uint8_t block[CHACHA20_BLOCK_BYTES]);
