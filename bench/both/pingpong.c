#include "bench/both/pingpong.h"

#include <stdatomic.h>

static void tell(_Atomic uint32_t *word, uint32_t round) {
    atomic_store(word, round);
    side_unpark(word);
}

static void await(_Atomic uint32_t *word, uint32_t round) {
    while (atomic_load(word) != round) {
        side_park(word, round - 1);
    }
}

static void play_pong(void *argument) {
    struct pingpong *game = argument;
    for (uint32_t round = 1; round <= game->rounds; round++) {
        await(&game->ping, round);
        tell(&game->pong, round);
    }
}

void pingpong_begin(struct pingpong *game, uint32_t rounds) {
    atomic_init(&game->ping, 0);
    atomic_init(&game->pong, 0);
    game->rounds = rounds;
    side_thread_start(&game->partner, play_pong, game);
}

void pingpong_play(struct pingpong *game) {
    const uint32_t round = atomic_load_explicit(&game->ping, memory_order_relaxed) + 1;
    tell(&game->ping, round);
    await(&game->pong, round);
}

void pingpong_end(struct pingpong *game) {
    side_thread_join(&game->partner);
}
