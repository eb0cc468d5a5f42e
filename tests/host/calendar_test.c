#include "core/calendar.h"

#include <time.h>

#include "tests/host/test.h"

static uint64_t convert(uint32_t year, uint32_t month, uint32_t day, uint32_t hour, uint32_t minute,
                        uint32_t second) {
    struct calendar_time time = {year, month, day, hour, minute, second};
    uint64_t seconds = 0;
    return calendar_to_unix(&time, &seconds) ? seconds : UINT64_MAX;
}

TEST(known_moments) {
    CHECK_EQUAL(convert(1970, 1, 1, 0, 0, 0), 0);
    CHECK_EQUAL(convert(2000, 2, 29, 23, 59, 59), 951868799);
    CHECK_EQUAL(convert(2026, 1, 1, 0, 0, 0), 1767225600);
    CHECK_EQUAL(convert(2038, 1, 19, 3, 14, 8), UINT64_C(1) << 31);
}

TEST(what_is_no_moment) {
    CHECK_EQUAL(convert(1969, 12, 31, 23, 59, 59), UINT64_MAX);
    CHECK_EQUAL(convert(10000, 1, 1, 0, 0, 0), UINT64_MAX);
    CHECK_EQUAL(convert(2026, 0, 1, 0, 0, 0), UINT64_MAX);
    CHECK_EQUAL(convert(2026, 13, 1, 0, 0, 0), UINT64_MAX);
    CHECK_EQUAL(convert(2026, 1, 0, 0, 0, 0), UINT64_MAX);
    CHECK_EQUAL(convert(2026, 4, 31, 0, 0, 0), UINT64_MAX);
    CHECK_EQUAL(convert(2100, 2, 29, 0, 0, 0), UINT64_MAX);
    CHECK_EQUAL(convert(2026, 1, 1, 24, 0, 0), UINT64_MAX);
    CHECK_EQUAL(convert(2026, 1, 1, 0, 60, 0), UINT64_MAX);
    CHECK_EQUAL(convert(2026, 1, 1, 0, 0, 60), UINT64_MAX);
    CHECK_EQUAL(convert(UINT32_MAX, 255, 255, 255, 255, 255), UINT64_MAX);
}

TEST(decimal_digits) {
    CHECK_EQUAL(calendar_from_bcd(0x00), 0);
    CHECK_EQUAL(calendar_from_bcd(0x59), 59);
    CHECK_EQUAL(calendar_from_bcd(0x99), 99);
    CHECK_EQUAL(calendar_from_bcd(0x1a), UINT32_MAX);
    CHECK_EQUAL(calendar_from_bcd(0xff), UINT32_MAX);
}

TEST(random_moments_agree_with_the_library) {
    for (int step = 0; step < 20000; step++) {
        time_t seconds = (time_t)test_random_below(UINT64_C(253402300800)); /* to the year 9999 */
        struct tm parts;
        CHECK(gmtime_r(&seconds, &parts) != NULL);
        CHECK_EQUAL(convert((uint32_t)parts.tm_year + 1900, (uint32_t)parts.tm_mon + 1,
                            (uint32_t)parts.tm_mday, (uint32_t)parts.tm_hour,
                            (uint32_t)parts.tm_min, (uint32_t)parts.tm_sec),
                    (uint64_t)seconds);
    }
}
