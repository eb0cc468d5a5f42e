// grants: console,thread-control

/* ThreadControl: the FS base of the calling thread, and what may not become one. */
#include "tests/guest/tap.h"

static _Thread_local uint64_t local = 1;

int main(void) {
    capos_cap_t control = capos_lookup("thread-control", CAPOS_THREAD_CONTROL_INTERFACE);
    uint64_t base = 0, self;
    CHECK_RESULT(capos_thread_control_get_fs_base(control, &base), CAPOS_OK);
    __asm__("movq %%fs:0, %0" : "=r"(self));
    CHECK_EQUAL(base, self);

    /* A second block: the same offsets, other contents. Below it stands its copy of local. */
    static _Alignas(64) uint64_t block[32];
    uint64_t offset = base - (uintptr_t)&local;
    uint64_t other = (uintptr_t)&block[16];
    *(uint64_t *)(other - offset) = 77;
    block[16] = other;
    CHECK_RESULT(capos_thread_control_set_fs_base(control, other), CAPOS_OK);
    uint64_t seen = *(volatile uint64_t *)&local;
    uint64_t set = 0;
    int64_t get_result = capos_thread_control_get_fs_base(control, &set);
    int64_t yield_result = capos_thread_control_yield(control);
    uint64_t after_yield;
    __asm__ volatile("movq %%fs:0, %0" : "=r"(after_yield));
    CHECK_RESULT(capos_thread_control_set_fs_base(control, base), CAPOS_OK);
    CHECK_EQUAL(seen, 77);
    CHECK_RESULT(get_result, CAPOS_OK);
    CHECK_RESULT(yield_result, CAPOS_OK);
    CHECK_EQUAL(set, other);
    CHECK_EQUAL(after_yield, other);
    CHECK_EQUAL(local, 1);

    /* WRMSR faults on what is not canonical: it must never get there. */
    static const uint64_t bad[] = {UINT64_C(1) << 47, UINT64_C(0x8000000000000000),
                                   UINT64_C(0xffffffff80000000), UINT64_MAX};
    for (size_t index = 0; index < sizeof bad / sizeof *bad; index++) {
        CHECK_RESULT(capos_thread_control_set_fs_base(control, bad[index]),
                     CAPOS_E_INVALID_ARGUMENT);
    }
    CHECK_EQUAL(local, 1);
    return tap_finish();
}
