#pragma once
/*
 * One program in C, C++ and Rust: what each of the three offers to the others, and looks at in
 * them, by the calling convention of C. src/lib.rs says the same in Rust.
 */
#include <capos/capos.h>

CAPOS_LINKAGE_BEGIN

/* By how they are passed (psABI for x86-64, 3.2.3): in two general registers, in one of each kind,
 * in two vector registers, in memory. */
struct pair {
    int64_t first, second;
};
struct mixed {
    double number;
    int64_t count;
};
struct floats {
    float x, y, z;
};
struct large {
    int64_t words[6];
};
typedef float vector4 __attribute__((vector_size(16))); /* __m128 */

/* What MXCSR says of rounding, and 0.1 and -0.1 as they come out by that. */
struct rounding {
    double plus, minus;
    uint64_t control;
};

typedef int64_t callback(void *argument, int64_t value);

struct language {
    const char *name;
    /* a + 2 b + 3 c + ...; the last ones are on the stack. */
    int64_t (*integers)(int8_t a, uint16_t b, int32_t c, uint32_t d, int64_t e, uint64_t f,
                        int8_t g, uint16_t h);
    double (*numbers)(float a, double b, float c, double d, double e, double f, double g, double h,
                      double i, float j);
    __int128 (*product)(__int128 a, int64_t b, int64_t c, int64_t d, __int128 e);
    struct pair (*swap)(struct pair pair);
    struct mixed (*negate)(struct mixed mixed);
    struct floats (*rotate)(struct floats floats);
    struct large (*reverse)(struct large large);
    vector4 (*multiply_add)(vector4 a, vector4 b, vector4 c);
    void (*fill)(uint64_t *words, size_t count, uint64_t first);
    int64_t (*apply_twice)(callback *function, void *argument, int64_t value);
    callback *add; /* one of those below */
    uint64_t *(*allocate)(size_t count);
    void (*release)(uint64_t *words, size_t count);
    struct rounding (*round)(void);
    /* Counts in its own thread-local variable, which it returns, and in languages_count. */
    uint64_t (*count)(void);
    /* Calls all of that. 0, or a bit for each that is wrong. */
    uint32_t (*look_at)(const struct language *other, uint64_t seed);
    /* A thread made by the means of this language, and its value. NULL when there is none. */
    void *(*start)(int64_t (*run)(void *argument), void *argument);
    int64_t (*wait)(void *thread);
};

extern const struct language c_language, cpp_language, rust_language;

/* Add the int64_t that argument points to. */
callback c_add, cpp_add, rust_add;

/* Defined in C; each thread has one. */
extern _Thread_local uint64_t languages_count;

/* In assembly: stack, flags, thread pointer and both floating-point units are as a function that is
 * called may count on. */
bool machine_is_as_promised(void);

/* In C: the sum of so many pairs of an int and a double. */
double c_sum(unsigned count, ...);

/* Constructors have run. */
bool c_is_constructed(void);
bool cpp_is_constructed(void);
/* Thread-local objects of C++ that have begun, and that have ended. */
uint64_t cpp_objects_begun(void), cpp_objects_ended(void);

/* Callbacks that end the process: a panic, and a call of a pure virtual function. */
callback rust_panics, cpp_calls_nothing;

/* The program. What main of whatever language calls; the exit code. */
int languages_run(int argc, char **argv);

CAPOS_LINKAGE_END
