/* The part in C. */
#include <stdarg.h>

#include "tests/languages/languages.h"

_Thread_local uint64_t languages_count = 1000;
static _Thread_local uint64_t own_count;
static bool is_constructed;

__attribute__((constructor)) static void construct(void) {
    is_constructed = true;
}

bool c_is_constructed(void) {
    return is_constructed;
}

double c_sum(unsigned count, ...) {
    va_list arguments;
    double sum = 0;
    va_start(arguments, count);
    for (unsigned index = 0; index < count; index++) {
        sum += va_arg(arguments, int);
        sum += va_arg(arguments, double);
    }
    va_end(arguments);
    return sum;
}

static int64_t integers(int8_t a, uint16_t b, int32_t c, uint32_t d, int64_t e, uint64_t f,
                        int8_t g, uint16_t h) {
    uint64_t sum = (uint64_t)a + 2 * (uint64_t)b + 3 * (uint64_t)c + 4 * (uint64_t)d;
    return (int64_t)(sum + 5 * (uint64_t)e + 6 * f + 7 * (uint64_t)g + 8 * (uint64_t)h);
}

static double numbers(float a, double b, float c, double d, double e, double f, double g, double h,
                      double i, float j) {
    return (double)a + 2 * b + 3 * (double)c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i +
           10 * (double)j;
}

static __int128 product(__int128 a, int64_t b, int64_t c, int64_t d, __int128 e) {
    return a * b + c + d * e;
}

static struct pair swap(struct pair pair) {
    return (struct pair){.first = pair.second, .second = pair.first};
}

static struct mixed negate(struct mixed mixed) {
    return (struct mixed){.number = -mixed.number, .count = -mixed.count};
}

static struct floats rotate(struct floats floats) {
    return (struct floats){.x = floats.y, .y = floats.z, .z = floats.x};
}

static struct large reverse(struct large large) {
    struct large reversed;
    for (size_t index = 0; index < 6; index++) {
        reversed.words[index] = large.words[5 - index];
    }
    return reversed;
}

static vector4 multiply_add(vector4 a, vector4 b, vector4 c) {
    return a * b + c;
}

static void fill(uint64_t *words, size_t count, uint64_t first) {
    for (size_t index = 0; index < count; index++) {
        words[index] = first + index;
    }
}

static int64_t apply_twice(callback *function, void *argument, int64_t value) {
    return function(argument, function(argument, value));
}

int64_t c_add(void *argument, int64_t value) {
    return value + *(const int64_t *)argument;
}

static uint64_t *allocate(size_t count) {
    return capos_malloc(count * sizeof(uint64_t));
}

static void release(uint64_t *words, size_t count) {
    capos_free(words);
}

static struct rounding round_tenth(void) {
    volatile double one = 1, ten = 10;
    uint32_t control;
    __asm__ volatile("stmxcsr %0" : "=m"(control));
    return (struct rounding){.plus = one / ten, .minus = -one / ten, .control = control & 0x6000};
}

static uint64_t count(void) {
    languages_count++;
    return ++own_count;
}

/* ---- what is looked at in another language -----------------------------------------------------
 */

static bool are_integers_right(const struct language *other, int64_t seed) {
    int8_t a = (int8_t)seed;
    uint16_t b = (uint16_t)seed;
    int32_t c = (int32_t)seed;
    uint32_t d = (uint32_t)seed;
    return other->integers(a, b, c, d, seed, (uint64_t)seed, a, b) ==
           integers(a, b, c, d, seed, (uint64_t)seed, a, b);
}

static bool are_numbers_right(const struct language *other, double x) {
    return other->numbers(1, x, 2, x, 3, x, 4, x, x, 5.5f) == 1 + 6 + 15 + 28 + 55 + 29 * x;
}

static bool are_structs_right(const struct language *other, int64_t seed, float x) {
    struct pair pair = other->swap((struct pair){.first = seed, .second = 2});
    struct mixed mixed = other->negate((struct mixed){.number = (double)x, .count = 3});
    struct floats floats = other->rotate((struct floats){.x = x, .y = 1, .z = 2});
    struct large large = other->reverse((struct large){.words = {1, 2, 3, 4, 5, seed}});
    return pair.first == 2 && pair.second == seed && mixed.number == (double)-x &&
           mixed.count == -3 && floats.x == 1 && floats.y == 2 && floats.z == x &&
           large.words[0] == seed && large.words[1] == 5 && large.words[5] == 1;
}

static bool is_vector_right(const struct language *other, float x) {
    vector4 sum =
        other->multiply_add((vector4){1, 2, 3, 4}, (vector4){x, x, x, x}, (vector4){0.5f, 0, 0, 8});
    return sum[0] == x + 0.5f && sum[1] == 2 * x && sum[2] == 3 * x && sum[3] == 4 * x + 8;
}

/* What one allocates another writes to and a third frees. */
static bool is_memory_right(const struct language *other, uint64_t seed) {
    uint64_t *words = other->allocate(100), *own = allocate(100);
    fill(words, 100, seed);
    other->fill(own, 100, seed);
    bool is_right = memcmp(words, own, 100 * sizeof *words) == 0 && own[99] == seed + 99;
    release(words, 100);
    other->release(own, 100);
    return is_right;
}

static bool are_callbacks_right(const struct language *other, int64_t seed) {
    int64_t step = 5;
    return other->apply_twice(c_add, &step, seed) == seed + 10 &&
           apply_twice(other->add, &step, seed) == seed + 10;
}

static bool is_product_right(const struct language *other, int64_t seed) {
    __int128 wide = (__int128)seed << 60;
    return other->product(wide, 2, 3, 4, wide) == wide * 6 + 3;
}

static bool are_names_right(int64_t seed) {
    int64_t step = -3;
    return c_add(&step, cpp_add(&step, rust_add(&step, seed))) == seed - 9;
}

static bool is_rounding_right(const struct language *other) {
    struct rounding own = round_tenth(), others = other->round();
    return own.plus == others.plus && own.minus == others.minus && own.control == others.control;
}

static bool is_count_right(const struct language *other) {
    uint64_t before = languages_count;
    uint64_t first = other->count();
    return other->count() == first + 1 && languages_count == before + 2;
}

static uint32_t look_at(const struct language *other, uint64_t seed) {
    int64_t number = (int64_t)(seed >> 8);
    float small = (float)(seed % 1000);
    return (uint32_t)!are_integers_right(other, number) << 0 |
           (uint32_t)!are_numbers_right(other, (double)small) << 1 |
           (uint32_t)!are_structs_right(other, number, small) << 2 |
           (uint32_t)!is_vector_right(other, small) << 3 |
           (uint32_t)!is_memory_right(other, seed) << 4 |
           (uint32_t)!are_callbacks_right(other, number) << 5 |
           (uint32_t)!is_rounding_right(other) << 6 | (uint32_t)!is_count_right(other) << 7 |
           (uint32_t)!machine_is_as_promised() << 8 |
           (uint32_t)!is_product_right(other, number) << 9 |
           (uint32_t)!are_names_right(number) << 10;
}

/* ---- threads ------------------------------------------------------------------------------------
 */

static void *start(int64_t (*run)(void *argument), void *argument) {
    struct capos_thread *thread = capos_malloc(sizeof *thread);
    if (thread != NULL && capos_thread_create(thread, NULL, run, argument) != CAPOS_OK) {
        capos_free(thread);
        return NULL;
    }
    return thread;
}

static int64_t wait(void *thread) {
    int64_t value = -1;
    (void)capos_thread_wait(thread, &value);
    capos_free(thread);
    return value;
}

const struct language c_language = {
    .name = "C",
    .integers = integers,
    .numbers = numbers,
    .product = product,
    .swap = swap,
    .negate = negate,
    .rotate = rotate,
    .reverse = reverse,
    .multiply_add = multiply_add,
    .fill = fill,
    .apply_twice = apply_twice,
    .add = c_add,
    .allocate = allocate,
    .release = release,
    .round = round_tenth,
    .count = count,
    .look_at = look_at,
    .start = start,
    .wait = wait,
};
