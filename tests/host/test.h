#pragma once
/*
 * A host test program is one file NAME_test.c of tests that register themselves:
 *
 *   #include "tests/host/test.h"
 *
 *   TEST(sum_is_commutative) {
 *       CHECK_EQUAL(1 + 2, 2 + 1);
 *   }
 *
 * main, which stands below, runs all of them, or those whose name contains the first argument, and
 * prints TAP. A CHECK that fails, and an ASSERT that fails in the code under test, end the test.
 *
 * Rules
 * - Checks belong to the thread that runs the test. ASSERTs in other threads end the program.
 * - Randomness comes from test_random alone. Each test starts from the seed in the environment
 *   variable CAPOS_SEED, which is printed when a test fails.
 * - Included by one file of a program.
 */
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/assert_host.h"

#define TEST_SEED_DEFAULT UINT64_C(0x9e3779b97f4a7c15)

struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
};

static struct {
    struct test *first, **last;
    uint64_t seed, random;
    jmp_buf escape;
    bool assertion_wanted;
} test_state;

static inline void test_register(struct test *test) {
    if (test_state.last == NULL) {
        test_state.last = &test_state.first;
    }
    *test_state.last = test;
    test_state.last = &test->next;
}

#define TEST(test_name)                                                                            \
    static void test_run_##test_name(void);                                                        \
    static struct test test_record_##test_name = {#test_name, test_run_##test_name, NULL};         \
    __attribute__((constructor)) static void test_register_##test_name(void) {                     \
        test_register(&test_record_##test_name);                                                   \
    }                                                                                              \
    static void test_run_##test_name(void)

/* xorshift64* (Marsaglia 2003, Vigna 2016). */
static inline uint64_t test_random(void) {
    uint64_t x = test_state.random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    test_state.random = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

/* From 0 to limit - 1; limit is not 0. */
static inline uint64_t test_random_below(uint64_t limit) {
    return (test_random() >> 11) % limit;
}

enum { TEST_FAILED = 1, TEST_ASSERTED = 2 };

_Noreturn static inline void test_fail(const char *file, int line) {
    printf("# %s:%d; again with CAPOS_SEED=%llu\n", file, line,
           (unsigned long long)test_state.seed);
    longjmp(test_state.escape, TEST_FAILED);
}

static inline void test_on_assert(const char *expression, const char *file, int line) {
    if (test_state.assertion_wanted) {
        test_state.assertion_wanted = false;
        longjmp(test_state.escape, TEST_ASSERTED);
    }
    printf("# assertion failed: %s\n", expression);
    test_fail(file, line);
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("# check failed: %s\n", #condition);                                            \
            test_fail(__FILE__, __LINE__);                                                         \
        }                                                                                          \
    } while (0)

/* Both are integers or enums; compared and printed as 64 bits. */
#define CHECK_EQUAL(found, wanted)                                                                 \
    do {                                                                                           \
        int64_t test_found = (int64_t)(found), test_wanted = (int64_t)(wanted);                    \
        if (test_found != test_wanted) {                                                           \
            printf("# %s is %lld (0x%llx), not %lld (0x%llx)\n", #found, (long long)test_found,    \
                   (unsigned long long)test_found, (long long)test_wanted,                         \
                   (unsigned long long)test_wanted);                                               \
            test_fail(__FILE__, __LINE__);                                                         \
        }                                                                                          \
    } while (0)

#define CHECK_STRING(found, wanted)                                                                \
    do {                                                                                           \
        const char *test_found = (found), *test_wanted = (wanted);                                 \
        if (strcmp(test_found, test_wanted) != 0) {                                                \
            printf("# %s is \"%s\", not \"%s\"\n", #found, test_found, test_wanted);               \
            test_fail(__FILE__, __LINE__);                                                         \
        }                                                                                          \
    } while (0)

/* The statement must run into an ASSERT. What it was changing is unusable afterwards. */
#define CHECK_ASSERTS(statement)                                                                   \
    do {                                                                                           \
        jmp_buf test_outer;                                                                        \
        memcpy(&test_outer, &test_state.escape, sizeof test_outer);                                \
        bool test_asserted = setjmp(test_state.escape) != 0;                                       \
        if (!test_asserted) {                                                                      \
            test_state.assertion_wanted = true;                                                    \
            statement;                                                                             \
            test_state.assertion_wanted = false;                                                   \
        }                                                                                          \
        memcpy(&test_state.escape, &test_outer, sizeof test_outer);                                \
        if (!test_asserted) {                                                                      \
            printf("# no assertion in: %s\n", #statement);                                         \
            test_fail(__FILE__, __LINE__);                                                         \
        }                                                                                          \
    } while (0)

static inline bool test_passes(const struct test *test) {
    test_state.random = test_state.seed;
    if (setjmp(test_state.escape) != 0) {
        return false;
    }
    test->run();
    return true;
}

int main(int argc, char **argv) {
    const char *filter = argc > 1 ? argv[1] : "";
    const char *seed = getenv("CAPOS_SEED");
    const char *program = strrchr(argv[0], '/') != NULL ? strrchr(argv[0], '/') + 1 : argv[0];
    test_state.seed = seed != NULL ? strtoull(seed, NULL, 0) : TEST_SEED_DEFAULT;
    if (test_state.seed == 0) { /* of which xorshift makes nothing but zeros */
        test_state.seed = TEST_SEED_DEFAULT;
    }
    assert_host_hook = test_on_assert;
    setvbuf(stdout, NULL, _IOLBF, 0);
    unsigned count = 0, failures = 0;
    for (const struct test *test = test_state.first; test != NULL; test = test->next) {
        if (strstr(test->name, filter) != NULL) {
            bool passed = test_passes(test);
            failures += !passed;
            printf("%s %u - %s: %s\n", passed ? "ok" : "not ok", ++count, program, test->name);
        }
    }
    printf("1..%u\n", count);
    return failures != 0 || count == 0;
}
