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
#define PIT_TRIES 100u
#define PIT_TURNS_MAX 10000000u
#define PM_TIMER_HZ 3579545u
#define PM_TIMER_TICKS 14318u /* 4 ms */

static uint64_t tsc_hz;
static uint64_t tsc_base;         /* counter at the kernel's first instruction */
static uint64_t multiplier;       /* nanoseconds per tick, times 2^32 */
static uint64_t ticks_multiplier; /* ticks per nanosecond, times 2^32 */
static paddr_t page;

struct measurement {
    uint64_t tsc_ticks, timer_ticks;
};

static uint8_t pit_status(void) {
    io_write8(PIT_COMMAND, PIT_READ_STATUS);
    return io_read8(PIT_CHANNEL_0);
}

/* One count from start to end; false when the end came before we looked, as in a virtual machine
 * whose host was busy. */
static bool count_once(struct measurement *m) {
    io_write8(PIT_COMMAND, PIT_COUNT_ONCE);
    io_write8(PIT_CHANNEL_0, PIT_TICKS & 0xff);
    io_write8(PIT_CHANNEL_0, PIT_TICKS >> 8);
    apic_timer_begin_count();
    uint64_t start = tsc_read();
    if ((pit_status() & PIT_STATUS_OUTPUT) != 0) {
        return false;
    }
    for (uint32_t turns = 0; turns < PIT_TURNS_MAX; turns++) {
        if ((pit_status() & (PIT_STATUS_OUTPUT | PIT_STATUS_PENDING)) == PIT_STATUS_OUTPUT) {
            m->tsc_ticks = tsc_read() - start;
            m->timer_ticks = apic_timer_end_count();
            return true;
        }
    }
    return false;
}

static bool measure_with_pit(struct measurement *m) {
    io_write8(PIT_COMMAND, PIT_COUNT_ONCE);
    if ((pit_status() & 0x3f) != PIT_COUNT_ONCE) {
        return false; /* nobody is there */
    }
    for (uint32_t tries = 0; tries < PIT_TRIES; tries++) {
        if (count_once(m)) {
            return true;
        }
    }
    return false;
}

static uint32_t pm_timer_read(const struct acpi_info *info) {
    return io_read32(info->pm_timer_port) & 0xffffff;
}

static bool measure_with_pm_timer(struct measurement *m) {
    const struct acpi_info *info = acpi_info();
    if (info->pm_timer_port == 0) {
        return false;
    }
    uint32_t first = pm_timer_read(info);
    apic_timer_begin_count();
    uint64_t start = tsc_read();
    for (uint32_t turns = 0; turns < 10000000; turns++) {
        if (((pm_timer_read(info) - first) & 0xffffff) >= PM_TIMER_TICKS) {
            m->tsc_ticks = tsc_read() - start;
            m->timer_ticks = apic_timer_end_count();
            return true;
        }
    }
    return false;
}

void clock_init(uint64_t entry_tsc) {
    struct measurement m;
    if (measure_with_pit(&m)) {
        tsc_hz = m.tsc_ticks * PIT_HZ / PIT_TICKS;
        apic_timer_set_frequency(m.timer_ticks * PIT_HZ / PIT_TICKS);
    } else if (measure_with_pm_timer(&m)) {
        tsc_hz = m.tsc_ticks * PM_TIMER_HZ / PM_TIMER_TICKS;
        apic_timer_set_frequency(m.timer_ticks * PM_TIMER_HZ / PM_TIMER_TICKS);
    } else {
        panic("no timer to measure the CPU's clock against: neither 8254 nor ACPI PM timer");
    }
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
