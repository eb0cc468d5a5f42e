#include "kernel/boot/acpi.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/io.h"
#include "kernel/debug/log.h"
#include "kernel/mm/mmio.h"

static struct acpi_info info;
static volatile uint8_t *sleep_register; /* mapped, where it is in memory */

/* Tables may lie in memory that the memory map calls reserved, which the direct map leaves out. */
static const uint8_t *map_table(void *context, uint64_t address, uint64_t size) {
    (void)context;
    uint64_t limit = UINT64_C(1) << cpu_features.physical_bits;
    if (address == 0 || address >= limit || size > limit - address) {
        return NULL;
    }
    return (const uint8_t *)(uintptr_t)mmio_map(paddr(address), size);
}

static void note_table(void *context, const char *table, const char *reason) {
    (void)context;
    log_printf("acpi: left out a part of table %s: %s\n", table, reason);
}

/* Loaders that do not say where the root is: it is in the BIOS read-only area (ACPI 5.2.5.1). */
static uint64_t find_root(const struct boot_info *boot) {
    enum { AREA = 0xe0000, AREA_BYTES = 0x20000 };
    if (!paddr_is_none(boot->rsdp)) {
        return boot->rsdp.value;
    }
    size_t offset = acpi_find_root(map_table(NULL, AREA, AREA_BYTES), AREA_BYTES);
    return offset == SIZE_MAX ? 0 : AREA + offset;
}

void acpi_init(const struct boot_info *boot) {
    static const struct acpi_memory memory = {.map = map_table, .note = note_table};
    if (!acpi_read_tables(&memory, find_root(boot), &info)) {
        log_printf("acpi: no tables; assuming one CPU and no I/O APIC\n");
    }
    if (info.sleep_control.address != 0 && !info.sleep_control.is_io &&
        info.sleep_control.address < UINT64_C(1) << cpu_features.physical_bits) {
        sleep_register = mmio_map(paddr(info.sleep_control.address), 1);
    }
}

const struct acpi_info *acpi_info(void) {
    return &info;
}

void acpi_power_off(void) {
    enum { PM1_TYPE_SHIFT = 10, PM1_ENABLE = 1 << 13 };       /* ACPI 4.8.3.2.1 */
    enum { CONTROL_TYPE_SHIFT = 2, CONTROL_ENABLE = 1 << 5 }; /* ACPI 4.8.3.7 */
    if (!info.s5_known) {
        return;
    }
    uint8_t control = (uint8_t)(info.s5_type_a << CONTROL_TYPE_SHIFT | CONTROL_ENABLE);
    if (sleep_register != NULL) {
        *sleep_register = control;
    } else if (info.sleep_control.is_io) {
        io_write8((uint16_t)info.sleep_control.address, control);
    }
    if (info.pm1a_control != 0) {
        io_write16(info.pm1a_control, (uint16_t)(info.s5_type_a << PM1_TYPE_SHIFT | PM1_ENABLE));
    }
    if (info.pm1b_control != 0) {
        io_write16(info.pm1b_control, (uint16_t)(info.s5_type_b << PM1_TYPE_SHIFT | PM1_ENABLE));
    }
}
