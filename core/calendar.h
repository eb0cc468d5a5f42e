#pragma once
/* From a date and a time of day in the Gregorian calendar to Unix time, as a clock chip gives it.
 */
#include <stdbool.h>
#include <stdint.h>

struct calendar_time {
    uint32_t year;       /* 1970 to 9999 */
    uint32_t month, day; /* from 1 */
    uint32_t hour, minute, second;
};

/* Seconds since 1970 in UTC, leap seconds not counted. False when there is no such moment. */
bool calendar_to_unix(const struct calendar_time *time, uint64_t *seconds);

/* A byte of two decimal digits; above 99 when it is none. */
uint32_t calendar_from_bcd(uint8_t byte);
