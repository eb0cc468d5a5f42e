#include "user/shell/show.h"

#include <capos/capos.h>

#define NS_PER_MS UINT64_C(1000000)
#define MEBIBYTE UINT64_C(1048576)

static uint64_t now_ns(void) {
    uint64_t monotonic_ns = 0;
    capos_timer_now(capos_lookup("timer", CAPOS_TIMER_INTERFACE), &monotonic_ns);
    return monotonic_ns;
}

static bool get_system_info(struct capos_system_info_get_results *info) {
    capos_cap_t system_info = capos_lookup("system-info", CAPOS_SYSTEM_INFO_INTERFACE);
    int64_t result = capos_system_info_get(system_info, info);
    if (result != 0) {
        capos_printf("system-info: %s\n", capos_error_name(result));
    }
    return result == 0;
}

/* init's part is what has passed since its first instruction: it has started this shell. */
void show_ledger(void) {
    struct capos_system_info_get_results info;
    if (!get_system_info(&info)) {
        return;
    }
    uint64_t now = now_ns();
    uint64_t init_ns = now > info.init_ns ? now - info.init_ns : 0;
    capos_printf("capOS  booted: firmware %lu ms, kernel %lu ms, init %lu ms\n",
                 info.firmware_ns / NS_PER_MS, info.kernel_ns / NS_PER_MS, init_ns / NS_PER_MS);
    capos_printf("       %u CPU%s, %lu MiB of memory, %lu MiB free\n", info.cpu_count,
                 info.cpu_count == 1 ? "" : "s", info.memory_bytes / MEBIBYTE,
                 info.free_bytes / MEBIBYTE);
}

void show_capabilities(void) {
    capos_print("  slot  generation  interface           name\n");
    for (uint32_t index = 0; index < capos_start_page->capset_count; index++) {
        const struct capos_capset_entry *entry = capos_capset_entry(index);
        capos_printf("  %4u  %10u  0x%016lx  %s\n", (uint32_t)entry->id,
                     (uint32_t)(entry->id >> 32), entry->interface, capos_capset_name(index));
    }
}

void show_memory(void) {
    struct capos_system_info_get_results info;
    struct capos_process_info_get_results own;
    if (get_system_info(&info)) {
        capos_printf("machine  %lu KiB, %lu KiB free, %u processes, %u threads\n",
                     info.memory_bytes / 1024, info.free_bytes / 1024, info.process_count,
                     info.thread_count);
    }
    capos_cap_t process_info = capos_lookup("process-info", CAPOS_PROCESS_INFO_INTERFACE);
    if (capos_process_info_get(process_info, &own) == 0) {
        capos_printf("shell    %lu KiB, %lu KiB at its peak, %u capabilities\n",
                     own.frames * CAPOS_PAGE_SIZE / 1024, own.frames_peak * CAPOS_PAGE_SIZE / 1024,
                     own.slots);
    }
}

void show_uptime(void) {
    uint64_t now = now_ns();
    capos_printf("up %lu.%03lu s\n", now / (1000 * NS_PER_MS), now / NS_PER_MS % 1000);
}
