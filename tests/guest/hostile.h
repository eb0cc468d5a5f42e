#pragma once
/*
 * The hostile worker. hostile/worker.c draws classes of operations, calls.c and spawns.c make those
 * that have a message, acts.c is how it ends.
 */
#include <stdint.h>

#include <capos/capos.h>

/* How many ways there are to end. */
#define HOSTILE_ACTS 6u

/*
 * `count` operations drawn from the seed; prints how often each class came, and how many of it
 * succeeded. Returns 1 when one never came; else performs the act of this number, which should end
 * the process, and returns 0.
 */
int hostile_work(uint64_t seed, uint64_t count, unsigned act);

/* The generator; limit > 0. */
uint64_t hostile_random(void);
uint64_t hostile_below(uint64_t limit);

/* An id: held, released before, one bit off, or made up. */
capos_cap_t hostile_capability(void);

/* An address that calls may read and write without harm to the worker, or a bad one. */
uint64_t hostile_address(void);

/* The worker's own memory for such addresses; the program itself never touches it. */
void hostile_arena_open(void);
void hostile_arena_mend(void);

/* A deadline that has passed or soon will: nothing waits for long. */
uint64_t hostile_deadline(void);

/* Fills an entry with a call whose message is right, a little wrong, or noise. */
enum hostile_call { HOSTILE_CALL_RIGHT, HOSTILE_CALL_MUTATED, HOSTILE_CALL_NOISE };
void hostile_make_call(struct capos_entry *entry, enum hostile_call kind);

/* A spawn with random grants; one whose message has a few bits flipped. */
int64_t hostile_spawn(void);
int64_t hostile_spawn_mutated(void);

void hostile_act(struct capos_ring_client *ring, unsigned act);
