// grants: console,system-info,thread-info
// cpus: any

/* SystemInfo and ThreadInfo: what they say agrees with the start page and with each other. */
#include "tests/guest/tap.h"

int main(void) {
    capos_cap_t system_info = capos_lookup("system-info", CAPOS_SYSTEM_INFO_INTERFACE);
    struct capos_system_info_get_results info;
    memset(&info, 0xff, sizeof info);
    CHECK_RESULT(capos_system_info_get(system_info, &info), CAPOS_OK);
    CHECK(info.cpu_count >= 1 && info.cpu_count <= 64);
    CHECK_EQUAL(info.page_size, capos_start_page->page_size);
    CHECK_EQUAL(info.page_size, CAPOS_PAGE_SIZE);
    CHECK(info.memory_bytes >= UINT64_C(8) << 20);
    CHECK(info.free_bytes > 0 && info.free_bytes < info.memory_bytes);
    CHECK(info.process_count >= 2); /* init and this one */
    CHECK(info.thread_count >= 2);
    CHECK_EQUAL(info.xsave_bytes, capos_start_page->xsave_size);
    CHECK_EQUAL(info.abi_version, CAPOS_ABI_VERSION);
    CHECK(info.init_ns > 0);

    capos_cap_t thread_info = capos_lookup("thread-info", CAPOS_THREAD_INFO_INTERFACE);
    struct capos_thread_info_get_results thread;
    CHECK_RESULT(capos_thread_info_get(thread_info, &thread), CAPOS_OK);
    CHECK(thread.cpu < info.cpu_count);
    return tap_finish();
}
