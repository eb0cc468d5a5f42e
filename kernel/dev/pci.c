#include "kernel/dev/pci.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/io.h"
#include "kernel/boot/acpi.h"
#include "kernel/debug/log.h"
#include "kernel/mm/mmio.h"

/* PCI Local Bus Specification 3.0, 6.1, 6.2.5 and 6.8.2. */
enum {
    CONFIG_ADDRESS = 0xcf8,
    CONFIG_DATA = 0xcfc,
    CONFIG_ENABLE = 1u << 31,
    BUSES = 256,
    DEVICES_PER_BUS = 32,
    FUNCTIONS_PER_DEVICE = 8,
    CONFIG_BYTES = 256,

    IDS = 0x00,
    COMMAND = 0x04,
    COMMAND_MEMORY = 1 << 1,
    COMMAND_BUS_MASTER = 1 << 2,
    COMMAND_NO_INTX = 1 << 10,
    STATUS = 0x06,
    STATUS_CAPABILITIES = 1 << 4,
    HEADER_TYPE = 0x0e,
    HEADER_BRIDGE = 1,
    HEADER_MULTIFUNCTION = 0x80,
    BAR = 0x10,
    BAR_COUNT = 6,
    BAR_IS_IO = 1 << 0,
    BAR_TYPE = 3 << 1,
    BAR_TYPE_64 = 2 << 1,
    SECONDARY_BUS = 0x19,
    CAPABILITIES = 0x34,

    MSIX_CONTROL = 2,
    MSIX_ENABLE = 1 << 15,
    MSIX_MASK_ALL = 1 << 14,
    MSIX_TABLE = 4,
};

#define VENDOR_NONE 0xffffu
#define ECAM_BUS_BYTES (UINT64_C(1) << 20)

static volatile uint8_t *bus_windows[BUSES]; /* mapped when the bus is first looked at */

/* The configuration space of a function in memory, or NULL when ports must do. */
static volatile uint8_t *config_window(struct pci_function function) {
    const struct acpi_info *info = acpi_info();
    if (!info->has_pci_config || function.bus < info->pci_bus_first ||
        function.bus > info->pci_bus_last) {
        return NULL;
    }
    if (bus_windows[function.bus] == NULL) {
        paddr_t address = paddr(info->pci_config + function.bus * ECAM_BUS_BYTES);
        bus_windows[function.bus] = mmio_map(address, ECAM_BUS_BYTES);
    }
    return bus_windows[function.bus] + ((size_t)function.device << 15) +
           ((size_t)function.function << 12);
}

static void select_port(struct pci_function function, uint32_t offset) {
    io_write32(CONFIG_ADDRESS, CONFIG_ENABLE | (uint32_t)function.bus << 16 |
                                   (uint32_t)function.device << 11 |
                                   (uint32_t)function.function << 8 | (offset & 0xfc));
}

uint32_t pci_read32(struct pci_function function, uint32_t offset) {
    ASSERT(offset < CONFIG_BYTES && offset % 4 == 0);
    volatile uint8_t *window = config_window(function);
    if (window != NULL) {
        return *(volatile uint32_t *)(window + offset);
    }
    select_port(function, offset);
    return io_read32(CONFIG_DATA);
}

void pci_write32(struct pci_function function, uint32_t offset, uint32_t value) {
    ASSERT(offset < CONFIG_BYTES && offset % 4 == 0);
    volatile uint8_t *window = config_window(function);
    if (window != NULL) {
        *(volatile uint32_t *)(window + offset) = value;
        return;
    }
    select_port(function, offset);
    io_write32(CONFIG_DATA, value);
}

uint16_t pci_read16(struct pci_function function, uint32_t offset) {
    ASSERT(offset % 2 == 0);
    return (uint16_t)(pci_read32(function, offset & ~3u) >> (8 * (offset & 2)));
}

uint8_t pci_read8(struct pci_function function, uint32_t offset) {
    return (uint8_t)(pci_read32(function, offset & ~3u) >> (8 * (offset & 3)));
}

/* Not as part of 32 bits: the neighbour of COMMAND clears the bits that are written as ones. */
void pci_write16(struct pci_function function, uint32_t offset, uint16_t value) {
    ASSERT(offset < CONFIG_BYTES && offset % 2 == 0);
    volatile uint8_t *window = config_window(function);
    if (window != NULL) {
        *(volatile uint16_t *)(window + offset) = value;
        return;
    }
    select_port(function, offset);
    io_write16((uint16_t)(CONFIG_DATA + (offset & 2)), value);
}

static bool function_matches(struct pci_function function, uint16_t vendor,
                             const uint16_t device_ids[2]) {
    uint32_t ids = pci_read32(function, IDS);
    return (uint16_t)ids == vendor &&
           ((uint16_t)(ids >> 16) == device_ids[0] || (uint16_t)(ids >> 16) == device_ids[1]);
}

/* Notes the bus behind a bridge. Numbers below ours are refused, so that the scan ends. */
static void note_bridge(struct pci_function function, bool reached[BUSES]) {
    if ((pci_read8(function, HEADER_TYPE) & ~HEADER_MULTIFUNCTION) == HEADER_BRIDGE) {
        uint8_t bus = pci_read8(function, SECONDARY_BUS);
        if (bus > function.bus) {
            reached[bus] = true;
        }
    }
}

static bool find_on_bus(uint8_t bus, uint16_t vendor, const uint16_t device_ids[2],
                        bool reached[BUSES], struct pci_function *function_out) {
    for (uint8_t device = 0; device < DEVICES_PER_BUS; device++) {
        uint8_t function_count = 1;
        for (uint8_t function = 0; function < function_count; function++) {
            struct pci_function at = {.bus = bus, .device = device, .function = function};
            if ((uint16_t)pci_read32(at, IDS) == VENDOR_NONE) {
                continue;
            }
            if (function == 0 && (pci_read8(at, HEADER_TYPE) & HEADER_MULTIFUNCTION) != 0) {
                function_count = FUNCTIONS_PER_DEVICE;
            }
            if (function_matches(at, vendor, device_ids)) {
                *function_out = at;
                return true;
            }
            note_bridge(at, reached);
        }
    }
    return false;
}

bool pci_find(uint16_t vendor, const uint16_t device_ids[2], struct pci_function *function_out) {
    bool reached[BUSES] = {true};
    for (uint32_t bus = 0; bus < BUSES; bus++) {
        if (reached[bus] && find_on_bus((uint8_t)bus, vendor, device_ids, reached, function_out)) {
            return true;
        }
    }
    return false;
}

uint8_t pci_next_capability(struct pci_function function, enum pci_capability_id id,
                            uint8_t after) {
    if ((pci_read16(function, STATUS) & STATUS_CAPABILITIES) == 0) {
        return 0;
    }
    uint8_t at = pci_read8(function, after == 0 ? CAPABILITIES : after + 1u) & 0xfc;
    /* A list without end is one that is longer than the space it lies in. */
    for (uint32_t i = 0; i < CONFIG_BYTES / 4 && at >= 0x40; i++) {
        if (pci_read8(function, at) == (uint8_t)id) {
            return at;
        }
        at = pci_read8(function, at + 1u) & 0xfc;
    }
    return 0;
}

void pci_enable(struct pci_function function) {
    uint16_t command = pci_read16(function, COMMAND);
    command |= COMMAND_MEMORY | COMMAND_BUS_MASTER | COMMAND_NO_INTX;
    pci_write16(function, COMMAND, command);
}

/* The size that a BAR decodes, by writing ones to it (6.2.5.1) while the function is deaf. */
static uint64_t probe_bar_size(struct pci_function function, uint32_t offset, bool is_64) {
    uint16_t command = pci_read16(function, COMMAND);
    pci_write16(function, COMMAND, command & (uint16_t)~COMMAND_MEMORY);
    uint32_t low = pci_read32(function, offset);
    pci_write32(function, offset, UINT32_MAX);
    uint64_t mask = UINT64_C(0xffffffff00000000) | (pci_read32(function, offset) & ~0xfu);
    pci_write32(function, offset, low);
    if (is_64) {
        uint32_t high = pci_read32(function, offset + 4);
        pci_write32(function, offset + 4, UINT32_MAX);
        mask &= (uint64_t)pci_read32(function, offset + 4) << 32 | UINT32_MAX;
        pci_write32(function, offset + 4, high);
    }
    pci_write16(function, COMMAND, command);
    return ~mask + 1;
}

volatile uint8_t *pci_map_bar(struct pci_function function, uint8_t bar, uint32_t offset,
                              uint32_t length) {
    uint32_t at = BAR + 4u * bar;
    uint32_t low = bar < BAR_COUNT ? pci_read32(function, at) : BAR_IS_IO;
    bool is_64 = (low & BAR_TYPE) == BAR_TYPE_64;
    if ((low & BAR_IS_IO) != 0 || (is_64 && bar + 1 == BAR_COUNT)) {
        log_printf("pci: %x:%x.%x: BAR %u is not memory\n", function.bus, function.device,
                   function.function, bar);
        return NULL;
    }
    uint64_t address = low & ~0xfu;
    if (is_64) {
        address |= (uint64_t)pci_read32(function, at + 4) << 32;
    }
    uint64_t size = probe_bar_size(function, at, is_64);
    uint64_t limit = UINT64_C(1) << cpu_features.physical_bits;
    if (address == 0 || address >= limit || size > limit - address || offset > size ||
        length > size - offset) {
        log_printf("pci: %x:%x.%x: BAR %u (0x%lx, 0x%lx bytes) has no room for 0x%x bytes at "
                   "0x%x, or firmware did not place it\n",
                   function.bus, function.device, function.function, bar, address, size, length,
                   offset);
        return NULL;
    }
    return mmio_map(paddr(address + offset), length);
}

bool pci_connect_interrupt(struct pci_function function, interrupt_handler *handler,
                           void *argument) {
    enum { ENTRY_BYTES = 16, ADDRESS_LOW = 0, ADDRESS_HIGH = 4, DATA = 8, VECTOR_CONTROL = 12 };
    uint8_t capability = pci_next_capability(function, PCI_CAPABILITY_MSIX, 0);
    if (capability == 0) {
        log_printf("pci: %x:%x.%x has no MSI-X\n", function.bus, function.device,
                   function.function);
        return false;
    }
    uint32_t table = pci_read32(function, capability + MSIX_TABLE);
    volatile uint8_t *entry = pci_map_bar(function, table & 7, table & ~7u, ENTRY_BYTES);
    if (entry == NULL) {
        return false;
    }
    uint64_t address = interrupt_msi_address();
    *(volatile uint32_t *)(entry + ADDRESS_LOW) = (uint32_t)address;
    *(volatile uint32_t *)(entry + ADDRESS_HIGH) = (uint32_t)(address >> 32);
    *(volatile uint32_t *)(entry + DATA) =
        interrupt_msi_data(interrupt_register(handler, argument));
    *(volatile uint32_t *)(entry + VECTOR_CONTROL) = 0; /* not masked */
    uint16_t control = pci_read16(function, capability + MSIX_CONTROL);
    control = (uint16_t)((control | MSIX_ENABLE) & ~MSIX_MASK_ALL);
    pci_write16(function, capability + MSIX_CONTROL, control);
    return true;
}
