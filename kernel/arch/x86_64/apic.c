#include "kernel/arch/x86_64/apic.h"

#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/interrupt.h"
#include "kernel/mm/mmio.h"

/* Registers, as offsets in memory; x2APIC MSR = 0x800 + offset / 16 (SDM volume 3, table 11-6). */
enum {
    APIC_ID = 0x20,
    APIC_TASK_PRIORITY = 0x80,
    APIC_EOI = 0xb0,
    APIC_SPURIOUS = 0xf0,
    APIC_ICR_LOW = 0x300,
    APIC_ICR_HIGH = 0x310,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
    APIC_LVT_ERROR = 0x370,
    APIC_TIMER_INITIAL = 0x380,
    APIC_TIMER_CURRENT = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0,
};

enum {
    LVT_NMI = 4 << 8,
    LVT_MASKED = 1 << 16,
    LVT_TSC_DEADLINE = 2 << 17,
    ICR_PENDING = 1 << 12,
    ICR_ASSERT = 1 << 14,
    ICR_NMI = 4 << 8,
    ICR_INIT = 5 << 8,
    ICR_STARTUP = 6 << 8,
    ICR_ALL_BUT_SELF = 3 << 18,
    SPURIOUS_ENABLE = 1 << 8,
    APIC_BASE_X2APIC = 1 << 10,
    DIVIDE_BY_1 = 0xb,
};

static volatile uint32_t *registers; /* NULL in x2APIC mode */
static uint64_t timer_multiplier;
static uint32_t boot_apic_id;

static uint32_t read(uint32_t offset) {
    return registers != NULL ? registers[offset / 4] : (uint32_t)msr_read(0x800 + offset / 16);
}

static void write(uint32_t offset, uint32_t value) {
    if (registers != NULL) {
        registers[offset / 4] = value;
    } else {
        msr_write(0x800 + offset / 16, value);
    }
}

void apic_init(paddr_t address) {
    bool is_x2apic = cpu_features.x2apic && (msr_read(MSR_APIC_BASE) & APIC_BASE_X2APIC) != 0;
    if (!is_x2apic) {
        registers = mmio_map(address, PAGE_SIZE);
    }
    apic_init_local();
    boot_apic_id = apic_id();
    cpu_current()->apic_id = boot_apic_id;
}

void apic_init_local(void) {
    write(APIC_TASK_PRIORITY, 0);
    write(APIC_LVT_LINT0, LVT_MASKED);
    write(APIC_LVT_LINT1, LVT_NMI); /* an operator's NMI button */
    write(APIC_LVT_ERROR, LVT_MASKED);
    write(APIC_LVT_TIMER, LVT_MASKED);
    write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
    write(APIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    if (cpu_features.tsc_deadline) {
        write(APIC_LVT_TIMER, LVT_TSC_DEADLINE | VECTOR_TIMER);
        __asm__ volatile("mfence" ::: "memory"); /* SDM volume 3, 11.5.4.1 */
    } else {
        write(APIC_LVT_TIMER, VECTOR_TIMER);
    }
}

uint32_t apic_id(void) {
    return registers != NULL ? read(APIC_ID) >> 24 : read(APIC_ID);
}

uint32_t apic_id_max(void) {
    return registers != NULL ? 254 : UINT32_MAX - 1;
}

uint32_t interrupt_boot_apic_id(void) {
    return boot_apic_id;
}

void apic_end_of_interrupt(void) {
    write(APIC_EOI, 0);
}

static void send(uint32_t target, uint32_t command) {
    if (registers == NULL) {
        msr_write(0x830, (uint64_t)target << 32 | command);
        return;
    }
    while ((read(APIC_ICR_LOW) & ICR_PENDING) != 0) {
        __asm__ volatile("pause");
    }
    write(APIC_ICR_HIGH, target << 24);
    write(APIC_ICR_LOW, command);
}

void apic_send(uint32_t target, uint8_t vector) {
    send(target, ICR_ASSERT | vector);
}

void apic_send_nmi_to_others(void) {
    send(0, ICR_ASSERT | ICR_NMI | ICR_ALL_BUT_SELF);
}

void apic_start_cpu(uint32_t target, uint8_t page) {
    /* SDM volume 3, 9.4.4.1: INIT, 10 ms, two STARTUPs 200 us apart. */
    send(target, ICR_ASSERT | ICR_INIT);
    clock_delay_us(200);
    send(target, ICR_ASSERT | ICR_STARTUP | page);
    clock_delay_us(200);
    send(target, ICR_ASSERT | ICR_STARTUP | page);
}

void apic_timer_set_frequency(uint64_t hz) {
    /* ticks per nanosecond, times 2^32 */
    timer_multiplier = hz / 1000000000u << 32 | (hz % 1000000000u << 32) / 1000000000u;
}

void apic_timer_begin_count(void) {
    if (!cpu_features.tsc_deadline) {
        write(APIC_LVT_TIMER, LVT_MASKED);
        write(APIC_TIMER_INITIAL, UINT32_MAX);
    }
}

uint32_t apic_timer_end_count(void) {
    if (cpu_features.tsc_deadline) {
        return 0;
    }
    uint32_t count = UINT32_MAX - read(APIC_TIMER_CURRENT);
    write(APIC_TIMER_INITIAL, 0);
    write(APIC_LVT_TIMER, VECTOR_TIMER);
    return count;
}

void apic_timer_arm(uint64_t deadline_ns) {
    if (cpu_features.tsc_deadline) {
        msr_write(MSR_TSC_DEADLINE, clock_tsc_at(deadline_ns));
        return;
    }
    uint64_t now = clock_now_ns();
    uint64_t wait_ns = deadline_ns > now ? deadline_ns - now : 1;
    uint64_t ticks = (uint64_t)((unsigned __int128)wait_ns * timer_multiplier >> 32);
    ticks = ticks == 0 ? 1 : ticks;
    /* A deadline beyond the counter's reach fires early once, and is armed again. */
    write(APIC_TIMER_INITIAL, ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks);
}

void apic_timer_disarm(void) {
    if (cpu_features.tsc_deadline) {
        msr_write(MSR_TSC_DEADLINE, 0);
    } else {
        write(APIC_TIMER_INITIAL, 0);
    }
}
