#include "bench/both/child.h"

CAPOS_REQUIRE("timer", TIMER); /* or RDTSC faults */

struct capabilities capabilities;

static capos_cap_t find(const char *name) {
    capos_cap_t capability = capos_lookup(name, 0);
    CHECK(capability != CAPOS_CAP_NONE);
    return capability;
}

const char *side_open(int argc, char **argv) {
    capabilities = (struct capabilities){
        .console = find("console"),
        .timer = find("timer"),
        .memory = find("memory"),
        .spawner = find("spawner"),
        .system_info = find("system-info"),
        .thread_control = find("thread-control"),
        .threads = find("threads"),
        .shared_park = find("shared-park"),
        .shared = capos_lookup("shared", 0),
    };
    if (argc == 4) { /* child JOB ARGUMENT */
        child_run((enum child_job)(argv[2][0] - '0'), (uint32_t)(argv[3][0] - '0'));
        capos_exit(0);
    }
    return argc == 2 ? argv[1] : "";
}

static struct capos_system_info_get_results get_system_info(void) {
    struct capos_system_info_get_results results;
    CHECK(capos_system_info_get(capabilities.system_info, &results) == 0);
    return results;
}

uint32_t side_cpu_count(void) {
    return get_system_info().cpu_count;
}

void side_write(const char *text, size_t size) {
    capos_printf("%.*s", (int)size, text);
}

_Noreturn void side_close(int code) {
    capos_exit(code);
}

/* The boot ledger: the kernel counted, because nobody else was there. */

BENCH(boot_to_init) {
    measure_add(measure, get_system_info().kernel_ns);
}

BENCH(boot_firmware) {
    measure_add(measure, get_system_info().firmware_ns);
}
