#pragma once
/* The end of the machine. */
#include <stdint.h>

enum { MACHINE_EXIT_ORDERLY = 0x10, MACHINE_EXIT_PANIC = 0x11 };

/* Leaves the virtual machine with this code where it has a way to carry one (QEMU's isa-debug-exit
 * at port 0xf4 ends with 2 * code + 1); else switches the power off; else stops this CPU. */
_Noreturn void machine_exit(uint32_t code);
