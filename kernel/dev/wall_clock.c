#include "kernel/dev/wall_clock.h"

#include "capos/clock.h"
#include "core/calendar.h"
#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/io.h"
#include "kernel/debug/log.h"
#include "kernel/mm/frame.h"

/* MC146818, as every PC has one: an index, then the register. */
enum { RTC_INDEX = 0x70, RTC_DATA = 0x71 };
enum {
    RTC_SECOND = 0x00,
    RTC_MINUTE = 0x02,
    RTC_HOUR = 0x04,
    RTC_DAY = 0x07,
    RTC_MONTH = 0x08,
    RTC_YEAR = 0x09,
    RTC_STATUS_A = 0x0a,
    RTC_STATUS_B = 0x0b,
    RTC_CENTURY = 0x32,
};
enum {
    RTC_A_UPDATING = 1 << 7,
    RTC_B_24_HOURS = 1 << 1,
    RTC_B_BINARY = 1 << 2,
    RTC_HOUR_AFTERNOON = 1 << 7,
};
#define RTC_ABSENT 0xff /* in place of a port that nobody answers for every bit reads as 1 */
/* An update takes 2 ms; a port access about 1 us. */
#define RTC_TRIES 100000u
#define CENTURY_FIRST 19u /* else the chip has no such register */
#define CENTURY_LAST 99u

static const uint8_t time_registers[] = {RTC_SECOND, RTC_MINUTE, RTC_HOUR,   RTC_DAY,
                                         RTC_MONTH,  RTC_YEAR,   RTC_CENTURY};
#define TIME_REGISTERS ARRAY_COUNT(time_registers)

static bool is_known;
static uint64_t offset_ns; /* from monotonic to wall clock time */
static paddr_t page;

static uint8_t rtc_register(uint8_t index) {
    io_write8(RTC_INDEX, index);
    return io_read8(RTC_DATA);
}

static void read_registers(uint8_t values[TIME_REGISTERS]) {
    for (uint32_t i = 0; i < TIME_REGISTERS; i++) {
        values[i] = rtc_register(time_registers[i]);
    }
}

/* Two readings that agree, with no update between them. */
static bool read_steadily(uint8_t values[TIME_REGISTERS]) {
    uint8_t again[TIME_REGISTERS];
    if (rtc_register(RTC_STATUS_A) == RTC_ABSENT) {
        return false;
    }
    for (uint32_t tries = 0; tries < RTC_TRIES; tries++) {
        if ((rtc_register(RTC_STATUS_A) & RTC_A_UPDATING) != 0) {
            continue;
        }
        read_registers(values);
        read_registers(again);
        if ((rtc_register(RTC_STATUS_A) & RTC_A_UPDATING) == 0 &&
            memcmp(values, again, sizeof again) == 0) {
            return true;
        }
    }
    return false; /* a chip that is always busy */
}

static uint32_t number(uint8_t value, uint8_t status) {
    return (status & RTC_B_BINARY) != 0 ? value : calendar_from_bcd(value);
}

static uint32_t hour_of(uint8_t value, uint8_t status) {
    if ((status & RTC_B_24_HOURS) != 0) {
        return number(value, status);
    }
    uint32_t hour = number(value & (uint8_t)~RTC_HOUR_AFTERNOON, status) % 12;
    return (value & RTC_HOUR_AFTERNOON) != 0 ? hour + 12 : hour;
}

static bool read_chip(uint64_t *seconds) {
    uint8_t values[TIME_REGISTERS];
    if (!read_steadily(values)) {
        return false;
    }
    uint8_t status = rtc_register(RTC_STATUS_B);
    uint32_t century = number(values[6], status);
    century = century < CENTURY_FIRST || century > CENTURY_LAST ? 20 : century;
    struct calendar_time time = {.second = number(values[0], status),
                                 .minute = number(values[1], status),
                                 .hour = hour_of(values[2], status),
                                 .day = number(values[3], status),
                                 .month = number(values[4], status),
                                 .year = century * 100 + number(values[5], status)};
    return calendar_to_unix(&time, seconds);
}

void wall_clock_init(void) {
    uint64_t seconds;
    is_known = read_chip(&seconds);
    if (!is_known) {
        log_printf("no clock chip: the time of day is not known\n");
        return;
    }
    offset_ns = seconds * UINT64_C(1000000000) - clock_now_ns();
    page = frame_alloc_zeroed();
    if (paddr_is_none(page)) {
        panic("no memory for the wall clock's page");
    }
    *(struct capos_wall_clock *)direct_map(page) = (struct capos_wall_clock){
        .version = CAPOS_CLOCK_VERSION, .valid = 1, .offset_ns = offset_ns};
}

bool wall_clock_now_ns(uint64_t *now_ns) {
    *now_ns = clock_now_ns() + offset_ns;
    return is_known;
}

paddr_t wall_clock_page(void) {
    return is_known ? page : PADDR_NONE;
}
