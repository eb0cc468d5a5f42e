#pragma once
/*
 * The I/O APICs: which vector the wire of a device raises, on the boot CPU.
 *
 * Rules
 * - At boot only, on the boot CPU. End-of-interrupt follows the handler, which must have quieted
 *   its device by then.
 */
#include "kernel/types.h"

/* Masks every input of every I/O APIC that the ACPI tables name. */
void ioapic_init(void);

/* Connects a level-triggered global system interrupt to a vector and unmasks it. False, with a line
 * in the log, when no I/O APIC has this input. */
bool ioapic_connect(uint32_t gsi, uint8_t vector);

/* The same for an ISA interrupt (0-15), wherever the firmware wired it. */
bool ioapic_connect_isa(uint8_t isa_irq, uint8_t vector);
