// grants: console,thread-info

/* ThreadInfo: CPU time grows while the thread computes; its id stays. */
#include "tests/guest/tap.h"

static struct capos_thread_info_get_results get(void) {
    struct capos_thread_info_get_results info = {0};
    capos_cap_t thread_info = capos_lookup("thread-info", CAPOS_THREAD_INFO_INTERFACE);
    CHECK_RESULT(capos_thread_info_get(thread_info, &info), CAPOS_OK);
    return info;
}

int main(void) {
    struct capos_thread_info_get_results before = get();
    for (volatile unsigned spin = 0; spin < 2000000; spin++) {
    }
    struct capos_thread_info_get_results after = get();
    CHECK(before.thread_id != 0);
    CHECK_EQUAL(after.thread_id, before.thread_id);
    CHECK(after.cpu_time_ns > before.cpu_time_ns);
    return tap_finish();
}
