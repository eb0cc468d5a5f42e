#pragma once
/* Interrupt vectors for devices. */
#include "kernel/types.h"

/* Called on the boot CPU, interrupts off, before end-of-interrupt is sent. */
typedef void interrupt_handler(void *argument);

/* Gives the device a vector of its own (32-223). Panics when all are taken. At boot only. */
uint8_t interrupt_register(interrupt_handler *handler, void *argument);

/* The address and data that make a device's MSI or MSI-X raise `vector` on the boot CPU
 * (SDM volume 3, 11.11). */
uint64_t interrupt_msi_address(void);
uint32_t interrupt_msi_data(uint8_t vector);

/* The local APIC id of the boot CPU: destination of all device interrupts. */
uint32_t interrupt_boot_apic_id(void);
