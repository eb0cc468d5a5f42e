#include "shapes.h"

#include <stddef.h>

#ifndef SHAPES
#define SHAPES shapes
#endif

static uint64_t choose(unsigned which, uint64_t value) {
    switch (which) {
    case 0:
        return low_double(value);
    case 1:
        return value + 17;
    case 2:
        return value * value;
    case 3:
        return low_apply(low_double, value);
    case 4:
        return ~value;
    case 5:
        return value >> 3;
    case 6:
        return low_double(value) + 1;
    case 7:
        return value ^ 0x55;
    default:
        return 0;
    }
}

static uint64_t jump(unsigned which, uint64_t value) {
    static const void *const places[] = {&&add, &&halve, &&end};
    goto *places[which];
add:
    value += 40;
halve:
    value /= 2;
end:
    return value;
}

static const char *name(unsigned which) {
    static const char *const names[] = {"zero", "one", "two", "three"};
    return which < sizeof names / sizeof *names ? names[which] : "many";
}

static double evaluate(double x) {
    return ((0.125 * x + 3.75) * x - 1.5) * x + 1e10;
}

static long double evaluate_long(long double x) {
    return x * 1.1L + 0.3L;
}

static unsigned __int128 divide(unsigned __int128 value, uint64_t by) {
    return value / by;
}

static void copy(struct shape_block *to, const struct shape_block *from) {
    *to = *from;
}

typedef uint32_t vector __attribute__((vector_size(16)));
static volatile vector factors = {2, 3, 5, 7};

static uint64_t sum_vectors(void) {
    vector sum = factors * (vector){11, 13, 17, 19} + (vector){1, 2, 3, 4};
    return (uint64_t)sum[0] + sum[1] + sum[2] + sum[3];
}

static uint64_t total = 100;
static _Thread_local uint64_t own = 1000;

static uint64_t count(void) {
    static uint64_t calls;
    calls++;
    own++;
    return __atomic_add_fetch(&total, 1, __ATOMIC_SEQ_CST) + own + calls;
}

static uint64_t recurse(unsigned depth) {
    return depth == 0 ? 1 : depth + recurse(depth - 1) * 3;
}

static unsigned guard(unsigned length) {
    volatile uint8_t bytes[64];
    for (unsigned index = 0; index < length; index++) {
        bytes[index] = (uint8_t)(index * 5);
    }
    return bytes[length - 1];
}

static uint64_t fault(void) {
    return *(volatile uint64_t *)(total - total + 8);
}

const struct shapes SHAPES = {choose, jump,        name,  evaluate, evaluate_long, divide,
                              copy,   sum_vectors, count, recurse,  guard,         fault};
