#pragma once
/*
 * A test program for capOS: each CHECK prints one line of TAP, and tap_finish the plan.
 *
 *   int main(void) {
 *       CHECK(1 + 1 == 2);
 *       CHECK_RESULT(capos_nop(), CAPOS_OK);
 *       return tap_finish();
 *   }
 */
#include <capos/capos.h>

static unsigned tap_count, tap_failures;

static inline bool tap_report(bool is_passed, const char *name) {
    tap_count++;
    tap_failures += !is_passed;
    capos_printf("%s %u - %s\n", is_passed ? "ok" : "not ok", tap_count, name);
    return is_passed;
}

static inline void tap_check(bool is_passed, const char *name, const char *file, int line) {
    if (!tap_report(is_passed, name)) {
        capos_printf("#   %s:%d\n", file, line);
    }
}

static inline void tap_check_equal(int64_t found, int64_t wanted, const char *name,
                                   const char *file, int line) {
    if (!tap_report(found == wanted, name)) {
        capos_printf("#   %s:%d: found %ld, wanted %ld\n", file, line, found, wanted);
    }
}

static inline void tap_check_result(int64_t found, int64_t wanted, const char *name,
                                    const char *file, int line) {
    if (!tap_report(found == wanted, name)) {
        capos_printf("#   %s:%d: found %s (%ld), wanted %s (%ld)\n", file, line,
                     capos_error_name(found), found, capos_error_name(wanted), wanted);
    }
}

#define CHECK(condition) tap_check(condition, #condition, __FILE_NAME__, __LINE__)
#define CHECK_EQUAL(found, wanted)                                                                 \
    tap_check_equal((int64_t)(found), (int64_t)(wanted), #found " is " #wanted, __FILE_NAME__,     \
                    __LINE__)
#define CHECK_RESULT(found, wanted)                                                                \
    tap_check_result(found, wanted, #found " gives " #wanted, __FILE_NAME__, __LINE__)

/* The exit code for main. */
static inline int tap_finish(void) {
    capos_printf("1..%u\n", tap_count);
    return tap_failures == 0 ? 0 : 1;
}
