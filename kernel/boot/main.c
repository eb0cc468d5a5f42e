/* From the first C instruction to init's first. */
#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/paging.h"
#include "kernel/arch/x86_64/smp.h"
#include "kernel/arch/x86_64/speculation.h"
#include "kernel/boot/acpi.h"
#include "kernel/boot/boot_times.h"
#include "kernel/boot/init_process.h"
#include "kernel/boot/loader_words.h"
#include "kernel/boot/package.h"
#include "kernel/cap/channel.h"
#include "kernel/cap/entropy.h"
#include "kernel/debug/log.h"
#include "kernel/dev/stream.h"
#include "kernel/dev/wall_clock.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/frame_owners.h"
#include "kernel/sched/park.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sched/upcall.h"

struct boot_times boot_times;

static struct boot_info info = {.package = {UINT64_MAX}, .rsdp = {UINT64_MAX}};

_Noreturn void kernel_main(uint32_t loader, uint32_t loader_words, uint64_t entry_tsc);

static void read_boot_info(uint32_t loader, uint32_t loader_words, uint64_t entry_tsc) {
    info.entry_tsc = entry_tsc;
    if (loader == BOOT_LOADER_PVH) {
        info.loader = "PVH";
        pvh_read(paddr(loader_words), &info);
    } else {
        info.loader = "Multiboot2";
        multiboot2_read(paddr(loader_words), &info);
    }
}

_Noreturn void kernel_main(uint32_t loader, uint32_t loader_words, uint64_t entry_tsc) {
    cpu_init_boot();
    read_boot_info(loader, loader_words, entry_tsc);
    log_printf("capOS kernel, ABI %u, loaded by %s\n", CAPOS_ABI_VERSION, info.loader);
    speculation_init();
    frame_init(&info);
    paging_init(&info);
    frame_owners_init(&info);
    cpu_guard_boot_stack();
    acpi_init(&info);
    package_init(&info);
    apic_init(paddr(acpi_info()->local_apic));
    clock_init(entry_tsc);
    upcall_init();
    wall_clock_init();
    entropy_init();
    park_init();
    smp_start();
    stream_init(&info);
    channel_init();
    log_printf("%u CPU(s), %lu KiB of memory, %lu KiB free\n", cpu_count(), frame_total_count() * 4,
               frame_free_count() * 4);
    init_process_start();
    boot_times.firmware_ns = clock_firmware_ns();
    boot_times.kernel_ns = boot_times.init_ns = clock_now_ns();
    log_printf("boot: firmware %lu us, kernel %lu us\n", boot_times.firmware_ns / 1000,
               boot_times.kernel_ns / 1000);
    scheduler_start();
}
