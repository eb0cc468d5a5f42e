#pragma once
/* Two threads that wake each other in turn. */
#include "bench/side.h"

/* Each of the two words, on cache lines of their own, counts the rounds of its writer. */
struct pingpong {
    _Alignas(64) _Atomic uint32_t ping;
    _Alignas(64) _Atomic uint32_t pong;
    struct side_thread partner;
    uint32_t rounds;
};

/* Starts the partner, who stays for so many rounds. */
void pingpong_begin(struct pingpong *game, uint32_t rounds);
/* One round trip. */
void pingpong_play(struct pingpong *game);
/* After the last round. */
void pingpong_end(struct pingpong *game);
