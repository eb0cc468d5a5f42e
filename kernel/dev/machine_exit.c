#include "kernel/dev/machine_exit.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/io.h"
#include "kernel/boot/acpi.h"

#define DEBUG_EXIT 0xf4

void machine_exit(uint32_t code) {
    io_write32(DEBUG_EXIT, code);
    acpi_power_off();
    cpu_halt();
}
