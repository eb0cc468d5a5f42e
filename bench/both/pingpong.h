#pragma once
/*
 * Two that wake each other in turn. Each of the two words, on cache lines of their own, counts the
 * rounds of its writer. Inline, so that park and unpark are calls of known functions.
 */
#include <stdatomic.h>

#include "bench/side.h"

struct pingpong {
    _Alignas(64) _Atomic uint32_t ping;
    _Alignas(64) _Atomic uint32_t pong;
    uint32_t rounds; /* to be played */
};

typedef void pingpong_park(_Atomic uint32_t *word, uint32_t expected);
typedef uint64_t pingpong_unpark(_Atomic uint32_t *word);

static inline void pingpong_await(_Atomic uint32_t *word, uint32_t round, pingpong_park *park) {
    while (atomic_load(word) != round) {
        park(word, round - 1);
    }
}

static inline void pingpong_init(struct pingpong *game, uint32_t rounds) {
    atomic_init(&game->ping, 0);
    atomic_init(&game->pong, 0);
    game->rounds = rounds;
}

/* One round trip. */
static inline void pingpong_play(struct pingpong *game, pingpong_park *park,
                                 pingpong_unpark *unpark) {
    const uint32_t round = atomic_load_explicit(&game->ping, memory_order_relaxed) + 1;
    atomic_store(&game->ping, round);
    unpark(&game->ping);
    pingpong_await(&game->pong, round, park);
}

/* The partner of all rounds. */
static inline void pingpong_answer(struct pingpong *game, pingpong_park *park,
                                   pingpong_unpark *unpark) {
    for (uint32_t round = 1; round <= game->rounds; round++) {
        pingpong_await(&game->ping, round, park);
        atomic_store(&game->pong, round);
        unpark(&game->pong);
    }
}

/* The partner as a thread; its argument is the game. */
static inline void pingpong_answer_in_thread(void *argument) {
    pingpong_answer(argument, side_park, side_unpark);
}
