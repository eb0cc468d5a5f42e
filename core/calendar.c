#include "core/calendar.h"

#define YEAR_MIN 1970u
#define YEAR_MAX 9999u

static bool is_leap(uint32_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static uint32_t days_in_month(uint32_t year, uint32_t month) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Leap years from year 1 to before this one. */
static uint32_t leap_years_before(uint32_t year) {
    uint32_t last = year - 1;
    return last / 4 - last / 100 + last / 400;
}

bool calendar_to_unix(const struct calendar_time *time, uint64_t *seconds) {
    if (time->year < YEAR_MIN || time->year > YEAR_MAX || time->month < 1 || time->month > 12 ||
        time->day < 1 || time->day > days_in_month(time->year, time->month) || time->hour > 23 ||
        time->minute > 59 || time->second > 59) {
        return false;
    }
    uint64_t days = (time->year - YEAR_MIN) * 365u + leap_years_before(time->year) -
                    leap_years_before(YEAR_MIN) + time->day - 1;
    for (uint32_t month = 1; month < time->month; month++) {
        days += days_in_month(time->year, month);
    }
    *seconds = ((days * 24 + time->hour) * 60 + time->minute) * 60 + time->second;
    return true;
}

uint32_t calendar_from_bcd(uint8_t byte) {
    uint32_t tens = byte >> 4, ones = byte & 0xf;
    return tens > 9 || ones > 9 ? UINT32_MAX : tens * 10 + ones;
}
