// grants: console,timer,memory

/* The clock page, read in C and by the assembly of docs/abi.md: both tell the time of Timer.now. */
#include "tests/guest/tap.h"

#define ROUNDS 1000

uint64_t read_clock(const void *page);

static capos_cap_t timer;

static uint64_t now(void) {
    uint64_t monotonic_ns = 0;
    return capos_timer_now(timer, &monotonic_ns) == 0 ? monotonic_ns : 0;
}

static const struct capos_clock *map_clock(void) {
    uint64_t address = 0;
    CHECK_RESULT(capos_timer_clock_page(timer, &address), CAPOS_OK);
    return (const struct capos_clock *)(uintptr_t)address;
}

/* Each reader in turn: none may be behind the one before it. */
static void test_one_time(const struct capos_clock *clock) {
    uint64_t last_ns = 0;
    bool is_monotonic = true;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t readings[] = {now(), capos_clock_read(clock), read_clock(clock)};
        for (unsigned index = 0; index < sizeof readings / sizeof *readings; index++) {
            is_monotonic &= readings[index] >= last_ns;
            last_ns = readings[index];
        }
    }
    CHECK(is_monotonic);
}

static uint64_t read_counter(void) {
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* A counter of 3 GHz that began an hour ago: its product with the multiplier has over 64 bits. */
static void test_product(void) {
    const uint64_t ticks = 3 * UINT64_C(3600000000000);
    const struct capos_clock clock = {.version = CAPOS_CLOCK_VERSION,
                                      .valid = 1,
                                      .base_tsc = read_counter() - ticks,
                                      .base_ns = 12345,
                                      .multiplier = (UINT64_C(1) << 32) / 3};
    uint64_t in_c = capos_clock_read(&clock), in_assembly = read_clock(&clock);
    unsigned __int128 least = ticks, most = read_counter() - clock.base_tsc;
    CHECK(in_c >= 12345 + (uint64_t)(least * clock.multiplier >> 32));
    CHECK(in_assembly >= in_c);
    CHECK(in_assembly <= 12345 + (uint64_t)(most * clock.multiplier >> 32));
}

static void test_not_valid(void) {
    static const struct capos_clock clock = {.version = CAPOS_CLOCK_VERSION, .base_ns = 1};
    CHECK_EQUAL(capos_clock_read(&clock), 0);
    CHECK_EQUAL(read_clock(&clock), 0);
}

int main(void) {
    timer = capos_lookup("timer", CAPOS_TIMER_INTERFACE);
    const struct capos_clock *clock = map_clock();
    CHECK(clock->version == CAPOS_CLOCK_VERSION && clock->valid == 1);
    CHECK((uintptr_t)clock % CAPOS_PAGE_SIZE == 0);
    test_one_time(clock);
    test_product();
    test_not_valid();
    /* it is nobody's to write */
    CHECK_RESULT(capos_virtual_memory_protect(capos_lookup("memory", 0), (uintptr_t)clock,
                                              CAPOS_PAGE_SIZE,
                                              CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE),
                 CAPOS_E_NOT_PERMITTED);
    return tap_finish();
}
