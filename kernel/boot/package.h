#pragma once
/* The boot package, opened once at boot; it stays in memory and never changes. */
#include "core/boot_package.h"
#include "kernel/boot/boot_info.h"

/* Panics when there is none or it is damaged: there is nothing to run. */
void package_init(const struct boot_info *info);
const struct boot_package *package_get(void);
/* Where a byte of the package lies in physical memory. */
paddr_t package_paddr(const uint8_t *at);
