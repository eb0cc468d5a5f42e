#pragma once
/*
 * ASSERT is on in every build: it states what the code around it has made true, and never judges
 * input. ASSERT_SLOW is on in host tests only: for walkers of whole structures, and where every
 * instruction counts.
 * Each environment (kernel, host) defines assert_failed, which does not return.
 */
_Noreturn void assert_failed(const char *expression, const char *file, int line);

#define ASSERT(expression)                                                                         \
    do {                                                                                           \
        if (__builtin_expect(!(expression), 0)) {                                                  \
            assert_failed(#expression, __FILE_NAME__, __LINE__);                                   \
        }                                                                                          \
    } while (0)

#ifdef CAPOS_SLOW_ASSERTS
#define ASSERT_SLOW(expression) ASSERT(expression)
#else
#define ASSERT_SLOW(expression) ((void)0)
#endif
