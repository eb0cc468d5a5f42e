/*
 * A kernel that calls what is written in Rust before it starts init. It is made for the tests; the
 * one that is delivered has none of it.
 */
#include "core/assert.h"
#include "kernel/boot/init_process.h"
#include "kernel/debug/log.h"

#define NUMBERS 64u

/* `Test` of rust.rs. */
struct rust_test {
    uint64_t *numbers;
    size_t count;
    uint64_t sum, quotient, product_bits;
    uintptr_t static_address;
    uint64_t spread, calls;
};

void rust_test_run(struct rust_test *test, const uint64_t factors[2]);
void rust_test_line(const char *text, size_t size);

void rust_test_line(const char *text, size_t size) {
    log_printf("rust: %.*s\n", (int)size, text);
}

/* 1.5 and -2.25, and their product -3.375, as IEEE 754 has them. */
static const uint64_t factors[2] = {0x3ff8000000000000, 0xc002000000000000};
#define PRODUCT_BITS UINT64_C(0xc00b000000000000)

static void run(uint64_t call) {
    uint64_t numbers[NUMBERS];
    uint64_t sum = 0;
    for (uint64_t i = 0; i < NUMBERS; i++) {
        numbers[i] = (i * 2654435761u + call) % 4093 + 1;
        sum ^= numbers[i] << 7;
    }
    struct rust_test test = {.numbers = numbers, .count = NUMBERS};
    rust_test_run(&test, factors);
    for (uint64_t i = 1; i < NUMBERS; i++) {
        ASSERT(numbers[i - 1] <= numbers[i]);
    }
    ASSERT(test.sum == sum);
    ASSERT(test.product_bits == PRODUCT_BITS);
    ASSERT(test.spread == numbers[2] * 255);
    ASSERT(test.calls == call);
    ASSERT(test.static_address >= 0xffffffff80000000);
    /* The quotient of a number of two words by one of one, word by word (long division). */
    uint64_t quotient = 0, rest = numbers[0] % 1000000007;
    for (int bit = 63; bit >= 0; bit--) {
        rest = rest << 1 | (numbers[1] >> bit & 1);
        quotient = quotient << 1 | (rest >= 1000000007);
        rest -= rest >= 1000000007 ? 1000000007 : 0;
    }
    ASSERT(test.quotient == quotient);
}

/* The linker sends the call of init_process_start here (--wrap). */
void __real_init_process_start(void);
void __wrap_init_process_start(void);

void __wrap_init_process_start(void) {
    for (uint64_t call = 1; call <= 3; call++) {
        run(call);
    }
    log_printf("rust: all is as it should be\n");
    __real_init_process_start();
}
