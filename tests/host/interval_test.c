#include "core/interval.h"

#include "tests/host/test.h"

TEST(nothing_has_passed_before_the_first_moment) {
    struct interval interval = {.first_ns = 100, .period_ns = 10};
    CHECK_EQUAL(interval_pending(&interval, 99), 0);
    CHECK_EQUAL(interval_next(&interval), 100);
    CHECK_EQUAL(interval_take(&interval, 100), 1);
    CHECK_EQUAL(interval_next(&interval), 110);
}

TEST(a_slow_reader_loses_nothing) {
    struct interval interval = {.first_ns = 100, .period_ns = 10};
    CHECK_EQUAL(interval_take(&interval, 129), 3);
    CHECK_EQUAL(interval_take(&interval, 129), 0);
    CHECK_EQUAL(interval_next(&interval), 130);
    CHECK_EQUAL(interval_take(&interval, 1000000), 99988);
}

TEST(without_a_period_there_is_one_moment) {
    struct interval interval = {.first_ns = 100};
    CHECK_EQUAL(interval_take(&interval, 1000), 1);
    CHECK_EQUAL(interval_take(&interval, UINT64_MAX), 0);
    CHECK_EQUAL(interval_next(&interval), INTERVAL_NEVER);
}

TEST(a_stopped_interval_never_comes) {
    struct interval interval = {.first_ns = INTERVAL_NEVER};
    CHECK_EQUAL(interval_pending(&interval, UINT64_MAX), 0);
    CHECK_EQUAL(interval_next(&interval), INTERVAL_NEVER);
}

TEST(moments_beyond_the_end_of_time_never_come) {
    struct interval interval = {.first_ns = 1, .period_ns = UINT64_MAX - 1};
    CHECK_EQUAL(interval_take(&interval, 1), 1);
    CHECK_EQUAL(interval_next(&interval), INTERVAL_NEVER);
    interval = (struct interval){.first_ns = 0, .period_ns = UINT64_C(1) << 63};
    CHECK_EQUAL(interval_take(&interval, UINT64_MAX), 2);
    CHECK_EQUAL(interval_next(&interval), INTERVAL_NEVER);
}

TEST(time_that_goes_back_takes_nothing_twice) {
    struct interval interval = {.first_ns = 100, .period_ns = 10};
    CHECK_EQUAL(interval_take(&interval, 110), 2);
    CHECK_EQUAL(interval_take(&interval, 109), 0);
    CHECK_EQUAL(interval_take(&interval, 120), 1);
}

TEST(random_readers_agree_with_counting) {
    for (int round = 0; round < 300; round++) {
        struct interval interval = {.first_ns = test_random_below(1000),
                                    .period_ns = 1 + test_random_below(50)};
        uint64_t now_ns = 0, moment_ns = interval.first_ns;
        for (int step = 0; step < 100; step++) {
            now_ns += test_random_below(120);
            uint64_t wanted = 0;
            CHECK_EQUAL(interval_next(&interval), moment_ns);
            for (; moment_ns <= now_ns; moment_ns += interval.period_ns) {
                wanted++;
            }
            CHECK_EQUAL(interval_pending(&interval, now_ns), wanted);
            CHECK_EQUAL(interval_take(&interval, now_ns), wanted);
        }
    }
}
