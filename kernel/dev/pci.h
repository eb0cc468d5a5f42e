#pragma once
/*
 * PCI: finding a function, its capabilities, its memory, its interrupt.
 *
 * Rules
 * - At boot only, on one CPU.
 * - Configuration space is read by PCI Express memory mapping where the ACPI tables describe it,
 * and through ports 0xcf8 and 0xcfc elsewhere (segment 0 alone).
 */
#include "kernel/arch/x86_64/interrupt.h"
#include "kernel/types.h"

struct pci_function {
    uint8_t bus, device, function;
};

enum pci_capability_id { PCI_CAPABILITY_VENDOR = 0x09, PCI_CAPABILITY_MSIX = 0x11 };

/* The first function with this vendor and one of two device ids. */
bool pci_find(uint16_t vendor, const uint16_t device_ids[2], struct pci_function *function_out);

/* Registers of the first 256 bytes; offset is a multiple of the size. */
uint32_t pci_read32(struct pci_function function, uint32_t offset);
uint16_t pci_read16(struct pci_function function, uint32_t offset);
uint8_t pci_read8(struct pci_function function, uint32_t offset);
void pci_write32(struct pci_function function, uint32_t offset, uint32_t value);
void pci_write16(struct pci_function function, uint32_t offset, uint16_t value);

/* Offset of the next capability of this kind behind the one at `after` (0: from the start), or 0.
 */
uint8_t pci_next_capability(struct pci_function function, enum pci_capability_id id, uint8_t after);

/* Lets the function answer at its memory addresses and write to memory itself. */
void pci_enable(struct pci_function function);

/* Maps a part of a memory BAR. NULL, with a line in the log, when it is not that large or firmware
 * gave it no address. */
volatile uint8_t *pci_map_bar(struct pci_function function, uint8_t bar, uint32_t offset,
                              uint32_t length);

/* Makes entry 0 of the function's MSI-X table raise handler. False, with a line in the log, without
 * MSI-X. */
bool pci_connect_interrupt(struct pci_function function, interrupt_handler *handler,
                           void *argument);
