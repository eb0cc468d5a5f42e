#include "kernel/arch/x86_64/clock.h"

#include "capos/clock.h"
#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/io.h"
#include "kernel/boot/acpi.h"
#include "kernel/debug/log.h"
#include "kernel/mm/frame.h"

#define NS_PER_S UINT64_C(1000000000)

/* 8254 timer. Channel 0, since small machines have no port 0x61, which the gate of channel 2 needs;
 * its interrupt goes nowhere. */
enum { PIT_CHANNEL_0 = 0x40, PIT_COMMAND = 0x43 };
enum {
    PIT_COUNT_ONCE = 0x30,  /* channel 0, 16 bits, mode 0: the output rises at the end */
    PIT_READ_STATUS = 0xe2, /* read back the status of channel 0 */
    PIT_STATUS_OUTPUT = 0x80,
    PIT_STATUS_PENDING = 0x40, /* the count is not loaded yet */
};
#define PIT_HZ 1193182u
#define PIT_TICKS 4773u /* 4 ms */
#define PM_TIMER_HZ 3579545u
#define PM_TIMER_TICKS 14318u /* 4 ms */

#define TRIES 25u
#define TURNS_MAX 10000000u
#define ERRORS_GOOD 500u /* so many times the error is less than the time that was measured */

static uint64_t tsc_hz;
static uint64_t tsc_base;         /* counter at the kernel's first instruction */
static uint64_t multiplier;       /* nanoseconds per tick, times 2^32 */
static uint64_t ticks_multiplier; /* ticks per nanosecond, times 2^32 */
static paddr_t page;

/* A timer whose frequency is known. */
struct reference {
    uint32_t hz, ticks;
    void (*begin)(void);
    bool (*is_over)(void); /* the ticks since then */
};

/* Times of the same ticks of a reference. They are wrong by at most error_ticks. */
struct measurement {
    uint64_t tsc_ticks, apic_ticks, error_ticks;
};

static uint8_t pit_status(void) {
    io_write8(PIT_COMMAND, PIT_READ_STATUS);
    return io_read8(PIT_CHANNEL_0);
}

static bool pit_is_there(void) {
    io_write8(PIT_COMMAND, PIT_COUNT_ONCE);
    return (pit_status() & 0x3f) == PIT_COUNT_ONCE;
}

static void pit_begin(void) {
    io_write8(PIT_COMMAND, PIT_COUNT_ONCE);
    io_write8(PIT_CHANNEL_0, PIT_TICKS & 0xff);
    io_write8(PIT_CHANNEL_0, PIT_TICKS >> 8);
}

static bool pit_is_over(void) {
    return (pit_status() & (PIT_STATUS_OUTPUT | PIT_STATUS_PENDING)) == PIT_STATUS_OUTPUT;
}

static const struct reference pit = {PIT_HZ, PIT_TICKS, pit_begin, pit_is_over};

static uint32_t pm_timer_first;

static uint32_t pm_timer_read(void) {
    return io_read32(acpi_info()->pm_timer_port) & 0xffffff;
}

static void pm_timer_begin(void) {
    pm_timer_first = pm_timer_read();
}

static bool pm_timer_is_over(void) {
    return ((pm_timer_read() - pm_timer_first) & 0xffffff) >= PM_TIMER_TICKS;
}

static const struct reference pm_timer = {PM_TIMER_HZ, PM_TIMER_TICKS, pm_timer_begin,
                                          pm_timer_is_over};

/* The reference begins, and is over, at some time between two of our looks at it; those are far
 * apart when the host of a virtual machine was busy with something else. */
static bool measure_once(const struct reference *reference, struct measurement *m) {
    const uint64_t before_begin = tsc_read();
    reference->begin();
    apic_timer_begin_count();
    const uint64_t begin = tsc_read();
    uint64_t before_end = before_begin;
    for (uint32_t turns = 0; turns < TURNS_MAX; turns++) {
        const uint64_t before_look = tsc_read();
        if (reference->is_over()) {
            m->tsc_ticks = tsc_read() - begin;
            m->apic_ticks = apic_timer_end_count();
            m->error_ticks = (begin - before_begin) + (tsc_read() - before_end);
            return true;
        }
        before_end = before_look;
    }
    return false;
}

/* The first measurement that is good, or else the best of them. */
static bool measure(const struct reference *reference, struct measurement *best) {
    best->error_ticks = UINT64_MAX;
    for (uint32_t tries = 0; tries < TRIES; tries++) {
        struct measurement m;
        if (!measure_once(reference, &m)) {
            return false;
        }
        if (m.error_ticks < best->error_ticks) {
            *best = m;
        }
        if (best->error_ticks < best->tsc_ticks / ERRORS_GOOD) {
            break;
        }
    }
    return true;
}

static const struct reference *measure_with_any(struct measurement *m) {
    if (pit_is_there() && measure(&pit, m)) {
        return &pit;
    }
    if (acpi_info()->pm_timer_port != 0 && measure(&pm_timer, m)) {
        return &pm_timer;
    }
    panic("no timer to measure the CPU's clock against: neither 8254 nor ACPI PM timer");
}

void clock_init(uint64_t entry_tsc) {
    struct measurement m;
    const struct reference *reference = measure_with_any(&m);
    tsc_hz = m.tsc_ticks * reference->hz / reference->ticks;
    apic_timer_set_frequency(m.apic_ticks * reference->hz / reference->ticks);
    tsc_base = entry_tsc;
    multiplier = (NS_PER_S << 32) / tsc_hz;
    ticks_multiplier = tsc_hz / NS_PER_S << 32 | (tsc_hz % NS_PER_S << 32) / NS_PER_S;
    page = frame_alloc_zeroed();
    if (paddr_is_none(page)) {
        panic("no memory for the clock page");
    }
    struct capos_clock *clock = direct_map(page);
    clock->version = CAPOS_CLOCK_VERSION;
    clock->base_tsc = tsc_base;
    clock->base_ns = 0;
    clock->multiplier = multiplier;
    clock->valid = 1;
}

uint64_t clock_now_ns(void) {
    return (uint64_t)((unsigned __int128)(tsc_read() - tsc_base) * multiplier >> 32);
}

uint64_t clock_tsc_at(uint64_t ns) {
    unsigned __int128 ticks = (unsigned __int128)ns * ticks_multiplier >> 32;
    return ticks > UINT64_MAX - tsc_base - 1 ? UINT64_MAX : tsc_base + (uint64_t)ticks + 1;
}

uint64_t clock_firmware_ns(void) {
    return (uint64_t)((unsigned __int128)tsc_base * multiplier >> 32);
}

void clock_delay_us(uint64_t us) {
    uint64_t end = tsc_read() + us * tsc_hz / 1000000;
    while (tsc_read() < end) {
        arch_spin_pause();
    }
}

paddr_t clock_page(void) {
    return page;
}
