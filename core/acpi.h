#pragma once
/*
 * Reading the static ACPI tables: CPUs, interrupt controllers, PCI configuration space, power off.
 * (ACPI specification 6.4, chapter 5; AML is not read, but for the _S5_ package.)
 *
 * Rules
 * - Tables are firmware's: every checksum, length and count is checked, and what does not hold is
 *   left out and noted. No table is looked at twice.
 * - Memory is reached through the caller's map function alone, and never written.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACPI_CPUS_MAX 64u
#define ACPI_IOAPICS_MAX 4u
#define ACPI_OVERRIDES_MAX 16u
#define ACPI_TABLES_MAX 128u
#define ACPI_TABLE_BYTES_MAX (UINT64_C(1) << 20)
#define ACPI_LOCAL_APIC_DEFAULT UINT64_C(0xfee00000)

struct acpi_ioapic {
    uint32_t id;
    uint64_t address;
    uint32_t gsi_base;
};

struct acpi_override { /* an ISA interrupt that is wired elsewhere */
    uint8_t isa_irq;
    uint32_t gsi;
    bool active_low, level_triggered;
};

struct acpi_register { /* address 0: there is none */
    uint64_t address;
    bool is_io;
};

/* What the tables said. Addresses are physical, or ports where is_io says so. */
struct acpi_info {
    uint32_t cpu_count; /* enabled ones, the boot CPU first is not promised */
    uint32_t apic_ids[ACPI_CPUS_MAX];
    uint64_t local_apic;
    uint32_t ioapic_count;
    struct acpi_ioapic ioapics[ACPI_IOAPICS_MAX];
    uint32_t override_count;
    struct acpi_override overrides[ACPI_OVERRIDES_MAX];
    bool has_pci_config; /* PCI Express: the three below describe segment 0 */
    uint8_t pci_bus_first, pci_bus_last;
    uint64_t pci_config;                 /* ECAM, of bus 0 even where pci_bus_first is another */
    uint16_t pm1a_control, pm1b_control; /* I/O ports for power off, 0 when unknown */
    struct acpi_register sleep_control;  /* the same for hardware-reduced ACPI */
    bool s5_known;                       /* the values that power off writes there */
    uint8_t s5_type_a, s5_type_b;
    uint16_t pm_timer_port; /* ACPI PM timer, 0 when absent */
    bool pm_timer_is_32_bits;
};

struct acpi_memory {
    /* The bytes at a physical address, or NULL when there are none that may be read. */
    const uint8_t *(*map)(void *context, uint64_t address, uint64_t size);
    /* Something was left out: of which table (four letters), and why. */
    void (*note)(void *context, const char *table, const char *reason);
    void *context;
};

/* The offset of a valid root pointer in a BIOS area of `size` bytes, or SIZE_MAX. */
size_t acpi_find_root(const uint8_t *area, size_t size);

/* Reads all tables that the root pointer at rsdp leads to. False, with the defaults of a machine
 * without ACPI (one CPU, no I/O APIC) in *info, when there is no valid root. */
bool acpi_read_tables(const struct acpi_memory *memory, uint64_t rsdp, struct acpi_info *info);
