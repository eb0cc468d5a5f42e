#pragma once
/* The hostile worker: hostile/worker.c draws classes of operations, hostile/calls.c makes calls. */
#include <stdint.h>

#include <capos/capos.h>

/* How many ways there are to end. */
#define HOSTILE_ACTS 6u

/*
 * `count` operations drawn from the seed; prints how often each class came. Returns 1 when one was
 * never reached, else performs the act of this number, which should end the process, and 0.
 */
int hostile_work(uint64_t seed, uint64_t count, unsigned act);

/* Between the files of the worker. */

/* The generator; limit > 0. */
uint64_t hostile_random(void);
uint64_t hostile_below(uint64_t limit);

/* An id: held, released before, one bit off, or made up. Never given up by hostile_release. */
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
