#pragma once
/* What the firmware's ACPI tables say of this machine; see core/acpi.h for the record itself. */
#include "core/acpi.h"
#include "kernel/boot/boot_info.h"

_Static_assert(ACPI_CPUS_MAX == CPUS_MAX, "every CPU that the tables name can be started");

/* Reads the tables; what does not hold is left out with a line in the log. Works before any other
 * device does. Without ACPI: one CPU, no I/O APIC. */
void acpi_init(const struct boot_info *boot);
const struct acpi_info *acpi_info(void);

/* Tries to switch the machine off; returns when it cannot. */
void acpi_power_off(void);
