// grants: console,memory,process-info,threads,thread-control,park
// options: --memory 64M

/*
 * The medium code model: code and small data below 2 GiB, large data wherever they are. 5 GiB of
 * them in a machine of 64 MiB, as only what is touched has memory.
 */
#include "tests/guest/code_model_medium/far.h"

#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define GIB (UINT64_C(1) << 30)
#define THREADS 4u
#define STEP (UINT64_C(83) << 20) /* so that each touch needs a page table of its own, too */
#define TOUCHES (FAR_ZEROS_BYTES / STEP)
#define TOUCHED(index) (far_zeros + ((index) + 1) * STEP - 12)

/* Before main, and with what the linker has put there. */
static uint64_t found_before_main, found_in_table;

__attribute__((constructor)) static void construct(int argc, char **argv, char **environment) {
    found_before_main = far_mix.wide;
    found_in_table = far_table[FAR_WORDS / 2];
    far_zeros_after[7] = (uint8_t)argc;
}

static bool is_above(const volatile void *place, uint64_t address) {
    return (uintptr_t)place > address;
}

static void test_places(void) {
    CHECK(!is_above((const void *)(uintptr_t)test_places, 2 * GIB));
    CHECK(!is_above(&near_counter, 2 * GIB) && !is_above(far_places, 2 * GIB));
    CHECK(is_above(&far_zeros[2 * GIB], 2 * GIB) && is_above(&far_zeros[4 * GIB], 4 * GIB));
    CHECK(is_above(far_constants, 5 * GIB) && is_above(&far_constants[FAR_WORDS - 1], 5 * GIB));
    CHECK(is_above(far_before, 5 * GIB) && is_above(far_table, 5 * GIB));
    CHECK(is_above(&far_mix, 5 * GIB));
}

static void test_initial_values(void) {
    CHECK(far_constants[0] == 11 && far_constants[1] == 12 && far_constants[2] == 0);
    CHECK_EQUAL(near_sum(far_constants, FAR_WORDS), 11 + 12 + 13);
    CHECK_EQUAL(near_sum(far_before, FAR_WORDS), 21 + 22);
    CHECK_EQUAL(near_sum(far_table, FAR_WORDS), 31 + 32 + 33);
    CHECK(far_table[0] == 31 && far_table[FAR_WORDS - 1] == 33);
    CHECK(far_mix.byte == 0xa5 && far_mix.half == 300 && far_mix.rest == 77);
    CHECK(far_mix.word == 0xdeadbeef && far_mix.fraction * 2 == 5.0 && far_mix.fill[65535] == 99);
    CHECK(far_mix.place == far_zeros + 4 * GIB);
    CHECK(found_before_main == far_mix.wide && found_in_table == 32);
    CHECK(far_zeros_after[7] == 1 && far_zeros_after[6] == 0 && far_zeros_after[8] == 0);
}

static void test_addresses_in_tables(void) {
    CHECK(far_places[0] == far_zeros && far_places[1] == &far_zeros[FAR_ZEROS_BYTES - 1]);
    CHECK_EQUAL(*(uint64_t *)(uintptr_t)far_places[2], 32);
    CHECK_EQUAL(*(uint32_t *)(uintptr_t)far_places[3], 0xdeadbeef);
    CHECK(near_pick(far_table, 5) == &far_table[5]);
    CHECK(near_pick(&far_table[8], -8) == far_table);
}

/* ---- writes ---------------------------------------------------------------------------------- */

static void test_writes(void) {
    volatile uint64_t *table = far_table;
    volatile struct far_mix *mix = &far_mix;
    table[100] = 7;
    table[100] += 35;
    far_table[FAR_WORDS - 2] = far_table[100];
    CHECK(table[100] == 42 && table[99] == 0 && table[101] == 0 && table[FAR_WORDS - 2] == 42);
    mix->rest = 3;
    CHECK(mix->half == 300 && mix->rest == 3 && mix->byte == 0xa5 && mix->word == 0xdeadbeef);
    mix->fraction += 0.25;
    CHECK(mix->fraction == 2.75 && mix->place == far_zeros + 4 * GIB);
    CHECK_EQUAL(__atomic_fetch_add(&far_mix.wide, 0x11, __ATOMIC_SEQ_CST), found_before_main);
    CHECK_EQUAL(__atomic_exchange_n(&far_mix.wide, 9, __ATOMIC_SEQ_CST), found_before_main + 0x11);
    near_fill(far_zeros_after + 65536, 100, 0x5a);
    CHECK(far_zeros_after[65535] == 0 && far_zeros_after[65536] == 0x5a);
    CHECK(far_zeros_after[65635] == 0x5a && far_zeros_after[65636] == 0);
    CHECK(near_counter == 42 && near_thread_counter == 52);
}

/* From one far place to another, by the functions that the compiler calls; and the kernel reads
 * and prints what is far. */
static void test_copies(void) {
    static struct far_mix copy;
    copy = far_mix;
    CHECK(memcmp(&copy, &far_mix, sizeof copy) == 0);
    memcpy(far_zeros + 3 * GIB + 5, far_before, sizeof far_before);
    CHECK(memcmp(far_zeros + 3 * GIB + 5, far_before, sizeof far_before) == 0);
    CHECK(far_zeros[3 * GIB + 4] == 0 && far_zeros[3 * GIB + 5 + sizeof far_before] == 0);
    static const char words[] = "# the kernel reads what is far";
    memcpy(far_zeros_after + 1000, words, sizeof words);
    capos_printf("%s\n", (const char *)far_zeros_after + 1000);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static uint64_t frames(void) {
    struct capos_process_info_get_results info = {0};
    (void)capos_process_info_get(crew_capability("process-info"), &info);
    return info.frames;
}

static struct capos_virtual_memory_query_results query(const void *place) {
    struct capos_virtual_memory_query_results run = {0};
    (void)capos_virtual_memory_query(crew_capability("memory"), (uintptr_t)place, &run);
    return run;
}

static uint8_t mark(uint64_t index) {
    return (uint8_t)(index * 37 + 1);
}

/* A touched page is charged, and the page table above it; the 5 GiB are not. */
static void test_charge(void) {
    struct capos_virtual_memory_query_results before = query(far_zeros + GIB);
    uint64_t frames_before = frames();
    CHECK_EQUAL(before.kind, CAPOS_VIRTUAL_MEMORY_KIND_IMAGE);
    CHECK(before.start <= (uintptr_t)far_zeros && before.size >= FAR_ZEROS_BYTES);
    CHECK(before.resident_pages < 1000);
    for (uint64_t index = 0; index < TOUCHES; index++) {
        *TOUCHED(index) = mark(index);
    }
    uint64_t resident = query(far_zeros + GIB).resident_pages - before.resident_pages;
    uint64_t taken = frames() - frames_before;
    CHECK_EQUAL(resident, TOUCHES);
    CHECK(taken >= TOUCHES && taken <= 2 * TOUCHES + 8);
}

static void test_neighbours(void) {
    bool is_right = true;
    for (uint64_t index = 0; index < TOUCHES; index++) {
        const uint8_t *place = TOUCHED(index);
        is_right &= *place == mark(index) && place[-1] == 0 && place[1] == 0;
    }
    CHECK(is_right);
}

/* ---- threads --------------------------------------------------------------------------------- */

struct stripe {
    uint64_t number;
    uint64_t turns;
};

/* Each thread writes bytes between those of the others. */
static int64_t run_stripe(void *argument) {
    const struct stripe *stripe = argument;
    bool is_right = near_thread_counter == 51;
    for (uint64_t turn = 0; turn < stripe->turns; turn++) {
        far_zeros[4 * GIB + THREADS * turn + stripe->number] = (uint8_t)(stripe->number + 1);
        (void)__atomic_fetch_add(&far_before[1], 1, __ATOMIC_RELAXED);
        near_thread_counter++;
        if (turn % 64 == 0) {
            capos_thread_yield();
        }
    }
    return is_right && near_thread_counter == 51 + stripe->turns;
}

static void test_threads(void) {
    struct capos_thread threads[THREADS];
    struct stripe stripes[THREADS];
    bool is_right = true;
    for (unsigned index = 0; index < THREADS; index++) {
        stripes[index] = (struct stripe){index, 1000};
        threads[index] = crew_start(run_stripe, &stripes[index]);
    }
    for (unsigned index = 0; index < THREADS; index++) {
        is_right &= crew_value(&threads[index]) == 1;
    }
    CHECK(is_right);
    for (uint64_t index = 0; index < 1000 * THREADS; index++) {
        is_right &= far_zeros[4 * GIB + index] == index % THREADS + 1;
    }
    CHECK(is_right && far_zeros[4 * GIB + 1000 * THREADS] == 0);
    CHECK_EQUAL(far_before[1], 1000 * THREADS);
}

int main(void) {
    test_places();
    test_initial_values();
    test_addresses_in_tables();
    test_writes();
    test_copies();
    test_charge();
    test_neighbours();
    test_threads();
    return tap_finish();
}
