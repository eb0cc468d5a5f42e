// grants: console,spawner,system-info
// cpus: any
// also: --cpu qemu64

/* The floating-point state under preemption: four processes for each CPU, each with its own. */
#include "demos/c/float/state.h"
#include "tests/guest/child.h"
#include "tests/guest/tap.h"

#define CHILDREN_MAX 64u
#define ROUNDS 400u

static capos_cap_t children[CHILDREN_MAX];

static uint32_t child_count(void) {
    struct capos_system_info_get_results info = {.cpu_count = 1};
    capos_system_info_get(capos_lookup("system-info", CAPOS_SYSTEM_INFO_INTERFACE), &info);
    uint32_t count = 4 * info.cpu_count;
    return count < CHILDREN_MAX ? count : CHILDREN_MAX;
}

int main(int argc, char **argv) {
    long long seed;
    if (argc > 1) {
        return capos_parse_integer(argv[1], &seed) && state_is_kept((uint64_t)seed, ROUNDS) ? 0 : 1;
    }
    uint32_t count = child_count();
    for (uint32_t index = 0; index < count; index++) {
        char number[16];
        uint32_t detail;
        capos_format(number, sizeof number, "%u", index + 1);
        struct child child = {.words = {number}};
        CHECK_RESULT(child_spawn(&child, &children[index], &detail), CAPOS_OK);
    }
    CHECK(state_is_kept(0, ROUNDS));
    for (uint32_t index = 0; index < count; index++) {
        struct capos_process_wait_results end = {.reason = 99};
        CHECK_RESULT(capos_process_wait(children[index], &end), CAPOS_OK);
        CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0);
    }
    return tap_finish();
}
