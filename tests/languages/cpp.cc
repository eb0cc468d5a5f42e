// The part in C++.
#include "tests/languages/languages.h"

#include <new>

namespace {

thread_local uint64_t own_count;

// ---- objects that begin before main, and with a thread ------------------------------------------

bool is_constructed;
uint64_t begun, ended;

struct Whole {
    Whole() {
        is_constructed = true;
    }
    ~Whole() {
        capos_print("# the last word has C++\n");
    }
} whole;

struct Part {
    Part() {
        __atomic_fetch_add(&begun, 1, __ATOMIC_RELAXED);
    }
    ~Part() {
        __atomic_fetch_add(&ended, 1, __ATOMIC_RELAXED);
    }
    uint64_t uses = 0;
};
thread_local Part part;

// Calls itself while it is made, when its function is nobody's yet.
struct Base {
    Base() {
        call();
    }
    [[gnu::noinline]] int64_t call() {
        return act();
    }
    virtual int64_t act() = 0;
};
struct Derived : Base {
    int64_t act() override {
        return 1;
    }
};

// ---- what the others call -----------------------------------------------------------------------

template <typename... Numbers> uint64_t weighted_sum(Numbers... numbers) {
    uint64_t sum = 0, weight = 0;
    ((sum += ++weight * static_cast<uint64_t>(numbers)), ...);
    return sum;
}

int64_t integers(int8_t a, uint16_t b, int32_t c, uint32_t d, int64_t e, uint64_t f, int8_t g,
                 uint16_t h) {
    return static_cast<int64_t>(weighted_sum(a, b, c, d, e, f, g, h));
}

double numbers(float a, double b, float c, double d, double e, double f, double g, double h,
               double i, float j) {
    const double all[] = {static_cast<double>(a), b, static_cast<double>(c), d, e, f, g, h, i,
                          static_cast<double>(j)};
    double sum = 0, weight = 0;
    for (double number : all) {
        sum += ++weight * number;
    }
    return sum;
}

__int128 product(__int128 a, int64_t b, int64_t c, int64_t d, __int128 e) {
    return a * b + c + d * e;
}

struct pair swap(struct pair pair) {
    return {pair.second, pair.first};
}

struct mixed negate(struct mixed mixed) {
    return {-mixed.number, -mixed.count};
}

struct floats rotate(struct floats floats) {
    return {floats.y, floats.z, floats.x};
}

struct large reverse(struct large large) {
    struct large reversed = {};
    int64_t *word = &reversed.words[6];
    for (int64_t original : large.words) {
        *--word = original;
    }
    return reversed;
}

vector4 multiply_add(vector4 a, vector4 b, vector4 c) {
    return a * b + c;
}

void fill(uint64_t *words, size_t count, uint64_t first) {
    for (uint64_t *word = words; word != words + count; word++) {
        *word = first++;
    }
}

int64_t apply_twice(callback *function, void *argument, int64_t value) {
    return function(argument, function(argument, value));
}

uint64_t *allocate(size_t count) {
    return new uint64_t[count];
}

void release(uint64_t *words, size_t) {
    delete[] words;
}

struct rounding round_tenth() {
    volatile double one = 1, ten = 10;
    uint32_t control;
    __asm__ volatile("stmxcsr %0" : "=m"(control));
    return {one / ten, -one / ten, control & 0x6000};
}

uint64_t count() {
    languages_count++;
    part.uses++;
    return ++own_count;
}

// ---- what is looked at in another language ------------------------------------------------------

class Look {
  public:
    Look(const struct language &other, uint64_t seed)
        : other(other), number(static_cast<int64_t>(seed >> 8)), seed(seed),
          x(static_cast<float>(seed % 1000)) {
    }

    uint32_t wrong() const {
        const bool all[] = {integers_right(), numbers_right(), structs_right(),
                            vector_right(),   memory_right(),  callbacks_right(),
                            rounding_right(), count_right(),   machine_is_as_promised(),
                            product_right(),  names_right()};
        uint32_t bits = 0, bit = 1;
        for (bool is_right : all) {
            bits |= is_right ? 0 : bit;
            bit <<= 1;
        }
        return bits;
    }

  private:
    bool integers_right() const {
        auto call = [this](auto *function) {
            return function(static_cast<int8_t>(number), static_cast<uint16_t>(number),
                            static_cast<int32_t>(number), static_cast<uint32_t>(number), number,
                            seed, static_cast<int8_t>(number), static_cast<uint16_t>(number));
        };
        return call(other.integers) == call(integers);
    }

    bool numbers_right() const {
        double y = static_cast<double>(x);
        return other.numbers(1, y, 2, y, 3, y, 4, y, y, 5.5f) == 1 + 6 + 15 + 28 + 55 + 29 * y &&
               c_sum(3, 1, y, 2, 2 * y, 3, 0.5) == 6.5 + 3 * y;
    }

    bool structs_right() const {
        auto [first, second] = other.swap({number, 2});
        auto [negative, count] = other.negate({static_cast<double>(x), 3});
        auto [a, b, c] = other.rotate({x, 1, 2});
        struct large large = other.reverse({{1, 2, 3, 4, 5, number}});
        return first == 2 && second == number && negative == static_cast<double>(-x) &&
               count == -3 && a == 1 && b == 2 && c == x && large.words[0] == number &&
               large.words[1] == 5 && large.words[5] == 1;
    }

    bool vector_right() const {
        vector4 sum = other.multiply_add({1, 2, 3, 4}, {x, x, x, x}, {0.5f, 0, 0, 8});
        return sum[0] == x + 0.5f && sum[1] == 2 * x && sum[2] == 3 * x && sum[3] == 4 * x + 8;
    }

    // What one allocates another writes to and a third frees.
    bool memory_right() const {
        uint64_t *words = other.allocate(100), *own = allocate(100);
        fill(words, 100, seed);
        other.fill(own, 100, seed);
        bool is_right = memcmp(words, own, 100 * sizeof *words) == 0 && own[99] == seed + 99;
        release(words, 100);
        other.release(own, 100);
        return is_right;
    }

    bool callbacks_right() const {
        int64_t step = 5;
        callback *own = [](void *argument, int64_t value) { return cpp_add(argument, value); };
        return other.apply_twice(own, &step, number) == number + 10 &&
               apply_twice(other.add, &step, number) == number + 10;
    }

    bool product_right() const {
        __int128 wide = static_cast<__int128>(number) << 60;
        return other.product(wide, 2, 3, 4, wide) == wide * 6 + 3;
    }

    bool names_right() const {
        int64_t step = -3;
        return c_add(&step, cpp_add(&step, rust_add(&step, number))) == number - 9;
    }

    bool rounding_right() const {
        struct rounding own = round_tenth(), others = other.round();
        return own.plus == others.plus && own.minus == others.minus &&
               own.control == others.control;
    }

    bool count_right() const {
        uint64_t before = languages_count, first = other.count();
        return other.count() == first + 1 && languages_count == before + 2;
    }

    const struct language &other;
    int64_t number;
    uint64_t seed;
    float x;
};

uint32_t look_at(const struct language *other, uint64_t seed) {
    return Look(*other, seed).wrong();
}

// ---- threads ------------------------------------------------------------------------------------

void *start(int64_t (*run)(void *argument), void *argument) {
    auto *thread = new struct capos_thread;
    if (capos_thread_create(thread, nullptr, run, argument) != CAPOS_OK) {
        delete thread;
        return nullptr;
    }
    return thread;
}

int64_t wait(void *started) {
    auto *thread = static_cast<struct capos_thread *>(started);
    int64_t value = -1;
    (void)capos_thread_wait(thread, &value);
    delete thread;
    return value;
}

} // namespace

extern "C" {

extern const struct language cpp_language = {
    "C++",       integers,     numbers, product,     swap,    negate,   rotate,
    reverse,     multiply_add, fill,    apply_twice, cpp_add, allocate, release,
    round_tenth, count,        look_at, start,       wait,
};

int64_t cpp_add(void *argument, int64_t value) {
    return value + *static_cast<const int64_t *>(argument);
}

bool cpp_is_constructed() {
    return is_constructed;
}

uint64_t cpp_objects_begun() {
    return begun;
}

uint64_t cpp_objects_ended() {
    return ended;
}

int64_t cpp_calls_nothing(void *, int64_t) {
    return Derived().call();
}
}
