// grants: console,threads,thread-control,memory,park
// also: --cpu qemu64

/*
 * Thread-local variables: every size, kind and alignment, read and written by code of several
 * models, in the first thread and in others, which are preempted and moved meanwhile.
 */
#include "tests/guest/tls_access/access.h"

#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define TURNS 40u
#define THREADS_OF_EACH 2u

static const struct tls_access *const accesses[] = {
    &tls_access,       &tls_access_plain, &tls_access_initial, &tls_access_initial_plain,
    &tls_access_large,
};
#define ACCESSES (sizeof accesses / sizeof *accesses)

static void report(bool is_right, const char *what, const struct tls_access *access) {
    char name[100];
    capos_format(name, sizeof name, "%s (%s)", what, access->name);
    tap_check(is_right, name, __FILE_NAME__, __LINE__);
}

struct run {
    const struct tls_access *access;
    uint64_t seed;
};

/* Values of one's own stay, whoever runs in between. */
static bool play(const struct run *run) {
    const struct tls_access *access = run->access;
    bool is_right = true;
    for (uint64_t turn = 0; turn < TURNS; turn++) {
        uint64_t seed = run->seed + 11 * turn;
        access->set(seed);
        capos_thread_yield();
        is_right &= access->is_set(seed);
        is_right &= access->has_modified(seed);
        capos_thread_yield();
        is_right &= access->is_set(seed);
    }
    return is_right;
}

static int64_t play_thread(void *argument) {
    const struct run *run = argument;
    if (!run->access->is_fresh()) {
        return 2;
    }
    return play(run) ? 1 : 3;
}

static void test_threads(void) {
    struct capos_thread threads[ACCESSES * THREADS_OF_EACH];
    struct run runs[ACCESSES * THREADS_OF_EACH];
    for (unsigned index = 0; index < ACCESSES * THREADS_OF_EACH; index++) {
        runs[index] = (struct run){accesses[index % ACCESSES], 1000 * index};
        threads[index] = crew_start(play_thread, &runs[index]);
    }
    for (unsigned index = 0; index < ACCESSES * THREADS_OF_EACH; index++) {
        int64_t value = crew_value(&threads[index]);
        report(value != 2, "a thread begins with the initial values", runs[index].access);
        report(value == 1, "a thread keeps its values", runs[index].access);
    }
}

static void test_first_thread(void) {
    for (unsigned index = 0; index < ACCESSES; index++) {
        report(accesses[index]->is_fresh(), "the initial values", accesses[index]);
    }
    for (unsigned index = 0; index < ACCESSES; index++) {
        struct run run = {accesses[index], 77 * index};
        report(play(&run), "the first thread keeps its values", accesses[index]);
    }
}

/* All models say that a variable is at the same place, below the thread pointer. */
static void test_places(void) {
    uintptr_t pointer = (uintptr_t)__builtin_thread_pointer();
    CHECK((uintptr_t)&tls_byte < pointer && pointer - (uintptr_t)&tls_byte < 65536);
    for (unsigned index = 0; index < ACCESSES; index++) {
        const struct tls_access *access = accesses[index];
        report(access->places[0]() == &tls_byte, "the place of a variable", access);
        report((uintptr_t)access->places[1]() < pointer, "the place of its own", access);
        report(index == 0 || access->places[1]() != accesses[0]->places[1](), "which is its own",
               access);
    }
    /* One that is declared weak and defined nowhere has no place, and no null address either. */
    CHECK((uintptr_t)&tls_absent == pointer);
}

static void test_assembly(void) {
    tls_write_local(UINT64_C(0x1122334455667788));
    CHECK_EQUAL(tls_wide, 0x1122334455667788);
    CHECK_EQUAL(tls_read_local(), 0x1122334455667788);
    CHECK_EQUAL(tls_read_local_far(), 0x1122334455667788);
    CHECK_EQUAL(tls_read_initial(), 0x1122334455667788);
    tls_write_initial(3);
    CHECK(tls_wide == 3 && tls_read_local() == 3);
    CHECK(tls_place_local() == &tls_wide && tls_place_initial() == &tls_wide);
}

int main(void) {
    CHECK_EQUAL(capos_start_page->tls_align, 4096);
    test_first_thread();
    test_places();
    test_threads();
    test_assembly();
    return tap_finish();
}
