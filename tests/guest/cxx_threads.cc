// grants: console,threads,thread-control,memory,park,spawner
// cpus: any

/*
 * Static local variables that several threads want at once, and thread-local objects of each. The
 * same as a child without a ParkSpace, where who waits yields instead.
 */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

namespace {

constexpr unsigned THREADS = 6, ROUNDS = 16, YIELDS = 3;

// ---- static local variables ---------------------------------------------------------------------

uint32_t made[ROUNDS];

// Slow, so that others come by meanwhile.
template <unsigned ROUND> struct Slow {
    Slow() {
        for (unsigned turn = 0; turn < YIELDS; turn++) {
            capos_thread_yield();
        }
        value = ROUND + 1;
        __atomic_fetch_add(&made[ROUND], 1, __ATOMIC_RELAXED);
    }
    uint32_t value = 0;
};

uint32_t gates[ROUNDS];

// All begin each round together.
void meet(unsigned round) {
    __atomic_fetch_add(&gates[round], 1, __ATOMIC_SEQ_CST);
    crew_await(&gates[round], THREADS);
}

template <unsigned ROUND> bool race_from() {
    if constexpr (ROUND < ROUNDS) {
        meet(ROUND);
        static Slow<ROUND> slow;
        return slow.value == ROUND + 1 && race_from<ROUND + 1>();
    }
    return true;
}

// ---- thread-local objects -----------------------------------------------------------------------

uint32_t begun, ended;

// Has memory of its own, and waits for a CPU at its end: who joins must not come before.
struct Buffer {
    Buffer() : words(new uint64_t[100]) {
        __atomic_fetch_add(&begun, 1, __ATOMIC_RELAXED);
    }
    ~Buffer() {
        delete[] words;
        for (unsigned turn = 0; turn < YIELDS; turn++) {
            capos_thread_yield();
        }
        __atomic_fetch_add(&ended, 1, __ATOMIC_RELAXED);
    }
    uint64_t *words;
};

thread_local Buffer buffer;
extern thread_local unsigned turns;

bool use_buffer(uint64_t seed) {
    for (unsigned index = 0; index < 100; index++) {
        buffer.words[index] = seed * index;
        if (index % 32 == 0) {
            capos_thread_yield();
        }
    }
    bool is_right = true;
    for (unsigned index = 0; index < 100; index++) {
        is_right &= buffer.words[index] == seed * index;
    }
    return is_right && ++turns == 11;
}

// Its initialisation is a call.
thread_local unsigned turns = *[] {
    static unsigned ten = 10;
    return &ten;
}();

int64_t run(void *argument) {
    return race_from<0>() && use_buffer(*static_cast<const uint64_t *>(argument));
}

bool run_team() {
    struct capos_thread threads[THREADS];
    uint64_t seeds[THREADS];
    bool is_right = true;
    for (unsigned index = 0; index < THREADS; index++) {
        seeds[index] = index + 1;
        threads[index] = crew_start(run, &seeds[index]);
    }
    for (unsigned index = 0; index < THREADS; index++) {
        is_right &= crew_value(&threads[index]) == 1;
        // Those that were waited for have ended all that was theirs.
        is_right &= crew_load(&ended) > index;
    }
    for (uint32_t count : made) {
        is_right &= count == 1;
    }
    return is_right && begun == THREADS && ended == THREADS;
}

void test_without_park_space() {
    struct capos_spawn_grant grants[CHILD_GRANTS_MAX];
    uint32_t count = 0;
    for (uint32_t index = 0; index < capos_start_page->capset_count; index++) {
        if (strcmp(capos_capset_name(index), "park") != 0) {
            grants[count++] = {capos_capset_name(index), capos_capset_entry(index)->id,
                               CAPOS_SPAWN_GRANT_MODE_DERIVE, nullptr};
        }
    }
    const struct child child = {{"child"}, grants, count, 0};
    CHECK(child_has_ended(child_start(&child), CAPOS_PROCESS_EXIT_REASON_EXITED));
}

} // namespace

int main(int argc, char **) {
    bool is_right = run_team();
    if (argc > 1) {
        return is_right ? 0 : 1;
    }
    tap_report(is_right, "six threads, with a ParkSpace");
    test_without_park_space();
    return tap_finish();
}
