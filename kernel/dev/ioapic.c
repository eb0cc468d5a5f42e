#include "kernel/dev/ioapic.h"

#include "kernel/arch/x86_64/interrupt.h"
#include "kernel/boot/acpi.h"
#include "kernel/debug/log.h"
#include "kernel/mm/mmio.h"

/* Intel 82093AA data sheet, 3.0: an index and a data register lead to all others. */
enum {
    REGISTER_SELECT = 0x00,
    REGISTER_WINDOW = 0x10,
    VERSION = 0x01, /* bits 16-23: index of the last input */
    REDIRECTION = 0x10,
    ACTIVE_LOW = 1 << 13,
    LEVEL_TRIGGERED = 1 << 15,
    MASKED = 1 << 16,
    DESTINATION_SHIFT = 24,
};

struct ioapic {
    volatile uint8_t *registers;
    uint32_t gsi_base;
    uint32_t input_count;
};

static struct ioapic ioapics[ACPI_IOAPICS_MAX];
static uint32_t ioapic_count;

static uint32_t ioapic_read(const struct ioapic *ioapic, uint32_t index) {
    *(volatile uint32_t *)(ioapic->registers + REGISTER_SELECT) = index;
    return *(volatile uint32_t *)(ioapic->registers + REGISTER_WINDOW);
}

static void ioapic_write(const struct ioapic *ioapic, uint32_t index, uint32_t value) {
    *(volatile uint32_t *)(ioapic->registers + REGISTER_SELECT) = index;
    *(volatile uint32_t *)(ioapic->registers + REGISTER_WINDOW) = value;
}

void ioapic_init(void) {
    const struct acpi_info *info = acpi_info();
    for (uint32_t i = 0; i < info->ioapic_count; i++) {
        struct ioapic *ioapic = &ioapics[ioapic_count++];
        ioapic->registers = mmio_map(paddr(info->ioapics[i].address), PAGE_SIZE);
        ioapic->gsi_base = info->ioapics[i].gsi_base;
        ioapic->input_count = (ioapic_read(ioapic, VERSION) >> 16 & 0xff) + 1;
        for (uint32_t input = 0; input < ioapic->input_count; input++) {
            ioapic_write(ioapic, REDIRECTION + 2 * input, MASKED);
        }
    }
}

static bool connect(uint32_t gsi, uint8_t vector, uint32_t flags) {
    uint32_t apic_id = interrupt_boot_apic_id();
    for (uint32_t i = 0; i < ioapic_count && apic_id <= UINT8_MAX; i++) {
        const struct ioapic *ioapic = &ioapics[i];
        if (gsi < ioapic->gsi_base || gsi - ioapic->gsi_base >= ioapic->input_count) {
            continue;
        }
        uint32_t index = REDIRECTION + 2 * (gsi - ioapic->gsi_base);
        ioapic_write(ioapic, index + 1, apic_id << DESTINATION_SHIFT);
        ioapic_write(ioapic, index, flags | vector);
        return true;
    }
    log_printf("ioapic: interrupt %u cannot be connected: no I/O APIC has it\n", gsi);
    return false;
}

bool ioapic_connect(uint32_t gsi, uint8_t vector) {
    return connect(gsi, vector, LEVEL_TRIGGERED);
}

bool ioapic_connect_isa(uint8_t isa_irq, uint8_t vector) {
    const struct acpi_info *info = acpi_info();
    for (uint32_t i = 0; i < info->override_count; i++) {
        const struct acpi_override *wire = &info->overrides[i];
        if (wire->isa_irq == isa_irq) {
            return connect(wire->gsi, vector,
                           (wire->active_low ? ACTIVE_LOW : 0) |
                               (wire->level_triggered ? LEVEL_TRIGGERED : 0));
        }
    }
    return connect(isa_irq, vector, 0); /* the ISA bus: active high, edge-triggered */
}
