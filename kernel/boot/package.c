#include "kernel/boot/package.h"

#include "kernel/debug/log.h"

static struct boot_package package;
static paddr_t base;

void package_init(const struct boot_info *info) {
    if (paddr_is_none(info->package)) {
        panic("the boot loader brought no boot package; give one as initrd or module2");
    }
    base = info->package;
    if (base.value % PAGE_SIZE != 0 ||
        boot_package_open(&package, direct_map(base), info->package_size) != CAPOS_OK) {
        panic("the boot package at 0x%lx (%lu bytes) is damaged", base.value, info->package_size);
    }
}

const struct boot_package *package_get(void) {
    return &package;
}

paddr_t package_paddr(const uint8_t *at) {
    return paddr(base.value + (uint64_t)(at - package.data));
}
