// grants: console,timer,memory,park
// cpus: any

/*
 * The language C++ on capOS: virtual functions, templates, lambdas, new and delete in all forms,
 * wide integers, vectors, and the typed clients of libcapos.
 */
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <new>

#include "tests/guest/tap.h"

namespace {

// ---- objects ------------------------------------------------------------------------------------

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};

struct Square : Shape {
    explicit Square(double side) : side(side) {
    }
    double area() const override {
        return side * side;
    }
    double side;
};

struct Triangle final : Shape {
    Triangle(double base, double height) : base(base), height(height) {
    }
    double area() const override {
        return base * height / 2;
    }
    double base, height;
};

// Two bases: a pointer to the second is not one to the whole.
struct Named {
    virtual ~Named() = default;
    virtual const char *name() const {
        return "nobody";
    }
};

struct Tile : Square, Named {
    explicit Tile(int *ended) : Square(2), ended(ended) {
    }
    ~Tile() override {
        ++*ended;
    }
    const char *name() const override {
        return "tile";
    }
    int *ended;
};

void test_virtual_functions() {
    int ended = 0;
    Shape *shapes[] = {new Square(3), new Triangle(2, 3), new Tile(&ended)};
    double sum = 0;
    for (Shape *shape : shapes) {
        sum += shape->area();
        delete shape;
    }
    CHECK(sum == 9.0 + 3.0 + 4.0);
    CHECK_EQUAL(ended, 1);
    Named *named = new Tile(&ended);
    CHECK(strcmp(named->name(), "tile") == 0);
    delete named;
    CHECK_EQUAL(ended, 2);
}

// ---- templates and lambdas ----------------------------------------------------------------------

template <typename T, unsigned CAPACITY> class Stack {
  public:
    template <typename... Parts> T &emplace(Parts... parts) {
        return items[count++] = T{parts...};
    }
    template <typename Predicate> unsigned count_if(Predicate predicate) const {
        unsigned found = 0;
        for (unsigned index = 0; index < count; index++) {
            found += predicate(items[index]) ? 1 : 0;
        }
        return found;
    }

  private:
    T items[CAPACITY];
    unsigned count = 0;
};

struct Point {
    int x, y;
    friend constexpr bool operator==(Point, Point) = default;
};

template <typename... Numbers> constexpr auto sum_of(Numbers... numbers) {
    return (numbers + ...);
}
static_assert(sum_of(1, 2, 3) == 6);

void test_templates() {
    Stack<Point, 8> stack;
    for (int index = 0; index < 8; index++) {
        stack.emplace(index, -index);
    }
    int limit = 5;
    CHECK_EQUAL(stack.count_if([limit](Point point) { return point.x < limit; }), 5);
    CHECK_EQUAL(stack.count_if([&](Point point) { return point == Point{3, -3}; }), 1);
    CHECK(sum_of(0.5, 0.25f, 1.0) == 1.75);
    // A lambda that captures nothing is a function of C.
    int64_t (*twice)(void *) = [](void *value) { return 2 * *static_cast<int64_t *>(value); };
    int64_t value = 21;
    CHECK_EQUAL(twice(&value), 42);
}

// ---- new and delete -----------------------------------------------------------------------------

template <size_t ALIGN> struct alignas(ALIGN) Block {
    Block() {
        alive++;
    }
    ~Block() {
        alive--;
    }
    char bytes[3] = {1, 2, 3};
    static inline int alive;
};

template <size_t ALIGN> bool is_aligned(const Block<ALIGN> *block) {
    return reinterpret_cast<uintptr_t>(block) % ALIGN == 0 && block->bytes[2] == 3;
}

template <size_t ALIGN> bool all_forms() {
    auto *one = new Block<ALIGN>;
    auto *array = new Block<ALIGN>[5];
    auto *quiet = new (std::nothrow) Block<ALIGN>;
    auto *quiet_array = new (std::nothrow) Block<ALIGN>[5];
    bool is_right = is_aligned(one) && is_aligned(&array[4]) && is_aligned(quiet) &&
                    is_aligned(&quiet_array[4]) && Block<ALIGN>::alive == 12;
    delete one;
    delete[] array;
    delete quiet;
    delete[] quiet_array;
    return is_right && Block<ALIGN>::alive == 0;
}

// Those that compilers do not call by themselves.
void test_forms_by_name() {
    operator delete(operator new(24), size_t{24});
    operator delete[](operator new[](24), size_t{24});
    operator delete(operator new(24, std::nothrow), std::nothrow);
    operator delete[](operator new[](24, std::nothrow), std::nothrow);
    constexpr std::align_val_t page{4096};
    operator delete(operator new(24, page), size_t{24}, page);
    operator delete[](operator new[](24, page), size_t{24}, page);
    operator delete(operator new(24, page, std::nothrow), page, std::nothrow);
    operator delete[](operator new[](24, page, std::nothrow), page, std::nothrow);
    operator delete(nullptr);
    operator delete[](nullptr, page);
}

void test_place() {
    alignas(Block<64>) char memory[sizeof(Block<64>)];
    auto *block = new (memory) Block<64>;
    CHECK(static_cast<void *>(block) == memory && Block<64>::alive == 1);
    block->~Block();
    CHECK_EQUAL(Block<64>::alive, 0);
}

// One heap for all languages.
void test_heap_of_c() {
    auto *number = static_cast<int *>(capos_malloc(sizeof(int)));
    delete new (number) int{5};
    auto *numbers = new int[100];
    capos_free(numbers);
    CHECK(capos_malloc_aligned(8, 24) == nullptr);
}

int handler_calls;

void test_no_memory() {
    CHECK(operator new(SIZE_MAX / 2, std::nothrow) == nullptr);
    CHECK(operator new[](SIZE_MAX / 2, std::align_val_t{64}, std::nothrow) == nullptr);
    // The handler of the program is asked until it gives up.
    CHECK(std::set_new_handler([] {
              if (++handler_calls == 3) {
                  std::set_new_handler(nullptr);
              }
          }) == nullptr);
    CHECK(std::get_new_handler() != nullptr);
    CHECK(operator new(SIZE_MAX / 2, std::nothrow) == nullptr);
    CHECK_EQUAL(handler_calls, 3);
}

// ---- what stands under standard names -----------------------------------------------------------

struct Sum {
    Sum(std::initializer_list<int> numbers) {
        for (int number : numbers) {
            value += number;
        }
    }
    int value = 0;
};

void test_headers() {
    CHECK_EQUAL((Sum{1, 2, 3}.value), 6);
    int product = 1;
    for (int factor : {2, 3, 7}) {
        product *= factor;
    }
    CHECK_EQUAL(product, 42);
    std::byte byte{0xa5};
    byte <<= 1;
    byte |= std::byte{1};
    CHECK_EQUAL(std::to_integer<std::uint32_t>(byte), 0x4b);
    static_assert(sizeof(std::uintptr_t) == sizeof(std::size_t));
    std::nullptr_t nothing = nullptr;
    CHECK(nothing == nullptr);
}

// ---- numbers ------------------------------------------------------------------------------------

typedef float vector4 __attribute__((vector_size(16)));

[[gnu::noinline]] vector4 scale(vector4 values, float factor) {
    return values * factor + vector4{1, 2, 3, 4};
}

[[gnu::noinline]] unsigned __int128 divide(unsigned __int128 number, unsigned __int128 by) {
    return number / by;
}

void test_numbers() {
    vector4 scaled = scale(vector4{1, 2, 3, 4}, 0.5f);
    CHECK(scaled[0] == 1.5f && scaled[3] == 6.0f);
    CHECK(divide(static_cast<unsigned __int128>(42) << 100, 1) >> 100 == 42);
    CHECK(divide(static_cast<unsigned __int128>(42) << 100, static_cast<uint64_t>(1) << 40) >> 60 ==
          42);
}

// ---- the clients of libcapos --------------------------------------------------------------------

void test_clients() {
    capos_cap_t timer = capos_lookup("timer", CAPOS_TIMER_INTERFACE);
    uint64_t begin_ns = 0, end_ns = 0;
    CHECK_RESULT(capos_timer_now(timer, &begin_ns), CAPOS_OK);
    CHECK_RESULT(capos_timer_sleep(timer, begin_ns + 10000), CAPOS_OK);
    CHECK_RESULT(capos_timer_now(timer, &end_ns), CAPOS_OK);
    CHECK(end_ns >= begin_ns + 10000);

    capos_cap_t memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    uint64_t address = 0;
    CHECK_RESULT(capos_virtual_memory_map(memory, 0, CAPOS_PAGE_SIZE,
                                          CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE, &address),
                 CAPOS_OK);
    *reinterpret_cast<volatile uint64_t *>(address) = 7;
    struct capos_virtual_memory_query_results run = {};
    CHECK_RESULT(capos_virtual_memory_query(memory, address, &run), CAPOS_OK);
    CHECK(run.start <= address);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, address, CAPOS_PAGE_SIZE), CAPOS_OK);

    static const char text[] = "# written by the client of Console\n";
    uint64_t count = 0;
    CHECK_RESULT(capos_console_write(capos_lookup("console", CAPOS_CONSOLE_INTERFACE),
                                     CAPOS_CONSOLE_STREAM_OUTPUT, text, sizeof text - 1, &count),
                 CAPOS_OK);
    CHECK_EQUAL(count, sizeof text - 1);

    uint32_t word = 1;
    CHECK_RESULT(capos_park(&word, 0, CAPOS_FOREVER), CAPOS_E_VALUE_CHANGED);
    CHECK_RESULT(capos_park(&word, 1, end_ns), CAPOS_E_TIMED_OUT);
    CHECK_EQUAL(capos_unpark(&word, 1), 0);
}

// The ring: what a submission is, and the inline functions round it.
void test_ring() {
    struct capos_ring_client ring;
    struct capos_completion completion = {};
    capos_ring_open(&ring);
    struct capos_entry *entry = capos_ring_prepare(&ring);
    entry->opcode = CAPOS_OP_NOP;
    entry->user_data = 99;
    CHECK_EQUAL(capos_ring_enter(&ring, 1, CAPOS_FOREVER), 1);
    CHECK(capos_ring_take(&ring, &completion) && completion.user_data == 99);
}

} // namespace

// Found in the notes of the program, as in C.
CAPOS_REQUIRE("timer", TIMER);

int main() {
    test_virtual_functions();
    test_templates();
    CHECK(all_forms<1>());
    CHECK(all_forms<16>());
    CHECK(all_forms<64>());
    CHECK(all_forms<4096>());
    test_forms_by_name();
    test_place();
    test_heap_of_c();
    test_no_memory();
    test_headers();
    test_numbers();
    test_clients();
    test_ring();
    return tap_finish();
}
