#pragma once
/* Code of many kinds for tests/guest/code_model_large.c, compiled as the large model: shapes.c with
 * optimization, shapes_plain.c without. */
#include <stdint.h>

#define SHAPE_CASES 12u

struct shape_block {
    uint8_t bytes[1000];
};

struct shapes {
    uint64_t (*choose)(unsigned which, uint64_t value); /* a table of jumps */
    uint64_t (*jump)(unsigned which, uint64_t value);   /* a table of labels */
    const char *(*name)(unsigned which);                /* a table of addresses */
    double (*evaluate)(double x);                       /* constants in memory */
    long double (*evaluate_long)(long double x);
    unsigned __int128 (*divide)(unsigned __int128 value, uint64_t by); /* a compiler's function */
    void (*copy)(struct shape_block *to, const struct shape_block *from); /* memcpy */
    uint64_t (*sum_vectors)(void);
    uint64_t (*count)(void); /* static and thread-local variables */
    uint64_t (*recurse)(unsigned depth);
    unsigned (*guard)(unsigned length); /* an array on the stack */
    uint64_t (*fault)(void);
};
extern const struct shapes shapes, shapes_plain;

/* Of low.c, which is compiled as the small model and stands below 2 GiB. */
extern uint64_t low_calls;
uint64_t low_double(uint64_t value);
uint64_t low_apply(uint64_t (*function)(uint64_t), uint64_t value);
