// grants: console,timer,spawner
// machines: microvm,q35
// cpus: any

/*
 * Timer: the time of day, by call and by page, which is monotonic time and a constant; and that the
 * facet monotonic, and whatever is derived from it, does not tell it. tests/tool/wall_clock.sh
 * compares it with the host's.
 */
#include "tests/guest/child.h"
#include "tests/guest/tap.h"

#define SECOND_NS UINT64_C(1000000000)
#define YEAR_2020_S UINT64_C(1577836800)
#define YEAR_2100_S UINT64_C(4102444800)

static capos_cap_t timer;

static uint64_t now(void) {
    uint64_t now_ns = 0;
    (void)capos_timer_now(timer, &now_ns);
    return now_ns;
}

static void test_wall_clock(void) {
    uint64_t wall_ns = 0, address = 0, again = 1;
    CHECK_RESULT(capos_timer_wall_clock(timer, &wall_ns), CAPOS_OK);
    CHECK(wall_ns / SECOND_NS >= YEAR_2020_S && wall_ns / SECOND_NS < YEAR_2100_S);
    capos_printf("# wall clock: %lu\n", wall_ns / SECOND_NS);
    CHECK_RESULT(capos_timer_wall_page(timer, &address), CAPOS_OK);
    CHECK_RESULT(capos_timer_wall_page(timer, &again), CAPOS_OK);
    CHECK(address != 0 && address % CAPOS_PAGE_SIZE == 0);
    CHECK_EQUAL(again, address);
    CHECK_RESULT(capos_timer_clock_page(timer, &again), CAPOS_OK);
    CHECK(again != address);
    const struct capos_wall_clock *clock = (const struct capos_wall_clock *)address;
    CHECK_EQUAL(clock->version, CAPOS_CLOCK_VERSION);
    CHECK_EQUAL(clock->valid, 1);
    bool is_constant = true;
    for (unsigned round = 0; round < 100; round++) {
        uint64_t before_ns = now();
        is_constant &= capos_timer_wall_clock(timer, &wall_ns) == CAPOS_OK;
        is_constant &= before_ns + clock->offset_ns <= wall_ns;
        is_constant &= wall_ns <= now() + clock->offset_ns;
    }
    CHECK(is_constant);
}

/* What a child may that was derived from our Timer, or from its parent's: argv[1] is the facet with
 * which it derives another. */
static int64_t run_child(const char *facet, const char *next) {
    const struct capos_spawn_grant grants[] = {
        {.name = "timer",
         .capability = timer,
         .mode = CAPOS_SPAWN_GRANT_MODE_DERIVE,
         .facet = facet},
        {.name = "spawner", .capability = capos_lookup("spawner", CAPOS_PROCESS_SPAWNER_INTERFACE)},
    };
    const struct child child = {.words = {"child", next}, .grants = grants, .grant_count = 2};
    struct capos_process_wait_results end = {0};
    int64_t result = child_run(&child, &end);
    return result != 0 ? result : end.code;
}

static int play_child(const char *next) {
    uint64_t wall_ns, address;
    timer = capos_lookup("timer", CAPOS_TIMER_INTERFACE);
    if (now() == 0 || capos_timer_clock_page(timer, &address) != CAPOS_OK) {
        return 1;
    }
    if (capos_timer_wall_clock(timer, &wall_ns) != CAPOS_E_NOT_PERMITTED ||
        capos_timer_wall_page(timer, &address) != CAPOS_E_NOT_PERMITTED) {
        return 2;
    }
    return next == NULL || run_child(next, NULL) == 7 ? 7 : 3;
}

int main(int argument_count, char **arguments) {
    if (argument_count > 1) {
        return play_child(argument_count > 2 ? arguments[2] : NULL);
    }
    timer = capos_lookup("timer", CAPOS_TIMER_INTERFACE);
    test_wall_clock();
    CHECK_EQUAL(run_child("monotonic", ""), 7);
    CHECK_EQUAL(run_child("monotonic", "monotonic"), 7);
    CHECK_EQUAL(run_child("", NULL), 2);
    return tap_finish();
}
