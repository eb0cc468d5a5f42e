// grants: console,threads,thread-control,memory,park,process-info

/* Thread-local variables of nearly 1 MiB, which is all that there may be. */
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define BYTES ((1u << 20) - 256u) /* libcapos has some of its own */
#define THREADS 3u

static _Thread_local uint8_t bytes[BYTES];
static _Thread_local uint64_t mark = 0x1234567890;

static bool is_zero(void) {
    uint64_t sum = 0;
    for (unsigned index = 0; index < BYTES; index += 64) {
        sum += bytes[index];
    }
    return sum == 0 && bytes[BYTES - 1] == 0;
}

static int64_t run(void *argument) {
    uint8_t value = *(const uint8_t *)argument;
    bool is_right = is_zero() && mark == 0x1234567890;
    bytes[0] = bytes[BYTES / 2] = bytes[BYTES - 1] = value;
    mark = value;
    capos_thread_yield();
    is_right &= bytes[0] == value && bytes[BYTES / 2] == value && bytes[BYTES - 1] == value;
    return is_right && mark == value;
}

static uint64_t frames(void) {
    struct capos_process_info_get_results info = {0};
    (void)capos_process_info_get(crew_capability("process-info"), &info);
    return info.frames;
}

int main(void) {
    struct capos_thread threads[THREADS];
    uint8_t values[THREADS] = {1, 2, 3};
    CHECK(capos_start_page->tls_size > BYTES && capos_start_page->tls_size <= 1u << 20);
    CHECK(frames() < BYTES / CAPOS_PAGE_SIZE); /* what is zero has memory when it is touched */
    CHECK(is_zero() && mark == 0x1234567890);
    bytes[BYTES - 1] = 9;
    for (unsigned index = 0; index < THREADS; index++) {
        threads[index] = crew_start(run, &values[index]);
    }
    for (unsigned index = 0; index < THREADS; index++) {
        CHECK_EQUAL(crew_value(&threads[index]), 1);
    }
    CHECK(bytes[BYTES - 1] == 9 && bytes[0] == 0);
    return tap_finish();
}
