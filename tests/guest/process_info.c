// grants: console,process-info,memory
// options: --memory 64M

/* ProcessInfo: what was taken is counted, and what was given back is not. */
#include "tests/guest/tap.h"

#define PAGES 64u

static struct capos_process_info_get_results get(void) {
    struct capos_process_info_get_results info = {0};
    capos_cap_t process_info = capos_lookup("process-info", CAPOS_PROCESS_INFO_INTERFACE);
    CHECK_RESULT(capos_process_info_get(process_info, &info), CAPOS_OK);
    return info;
}

int main(void) {
    capos_cap_t memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    uint64_t address = 0;
    struct capos_process_info_get_results before = get();
    CHECK(before.process_id != 0);
    CHECK_EQUAL(before.threads, 1);
    CHECK_EQUAL(before.slots, capos_start_page->capset_count);
    CHECK(before.frames > 0 && before.frames <= before.frames_peak);
    CHECK(before.frames_peak <= before.frames_limit);

    const uint64_t size = PAGES * CAPOS_PAGE_SIZE;
    CHECK_RESULT(capos_virtual_memory_map(memory, 0, size,
                                          CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE, &address),
                 CAPOS_OK);
    memset((void *)address, 1, size);
    struct capos_process_info_get_results during = get();
    CHECK(during.frames >= before.frames + PAGES);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, address, size), CAPOS_OK);
    struct capos_process_info_get_results after = get();
    CHECK(after.frames + PAGES <= during.frames);
    CHECK(after.frames_peak >= during.frames);
    CHECK_EQUAL(after.process_id, before.process_id);
    CHECK(after.cpu_time_ns >= before.cpu_time_ns);
    return tap_finish();
}
