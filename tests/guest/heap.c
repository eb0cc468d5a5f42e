// grants: console,memory,spawner,threads,thread-control

/*
 * The heap of libcapos: against a simple model at random, beyond its first arena, by several
 * threads (which have no ParkSpace to wait with, and yield instead), and its alarms.
 */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define BLOCKS 200u
#define STEPS 20000u

static struct {
    uint8_t *bytes;
    size_t size;
    uint8_t fill;
} blocks[BLOCKS];

static uint32_t random_state = 12345;

static uint32_t random_next(void) {
    random_state = random_state * 1664525 + 1013904223; /* Numerical Recipes, section 7.1 */
    return random_state >> 8;
}

static bool holds_fill(unsigned index, size_t size) {
    bool is_right = true;
    for (size_t offset = 0; offset < size; offset++) {
        is_right &= blocks[index].bytes[offset] == blocks[index].fill;
    }
    return is_right;
}

/* One change to one block; false when its contents or its place are wrong. */
static bool step(void) {
    unsigned index = random_next() % BLOCKS;
    size_t size = random_next() % (random_next() % 16 == 0 ? 20000 : 300);
    bool is_right = blocks[index].bytes == NULL || holds_fill(index, blocks[index].size);
    if (blocks[index].bytes != NULL && random_next() % 3 == 0) {
        size_t kept = blocks[index].size < size ? blocks[index].size : size;
        blocks[index].bytes = capos_realloc(blocks[index].bytes, size);
        is_right &= blocks[index].bytes != NULL && holds_fill(index, kept);
    } else {
        size_t align = (size_t)1 << random_next() % 13;
        capos_free(blocks[index].bytes);
        blocks[index].bytes = capos_malloc_aligned(size, align);
        is_right &= (uintptr_t)blocks[index].bytes % align == 0;
    }
    blocks[index].size = size;
    blocks[index].fill = (uint8_t)random_next();
    memset(blocks[index].bytes, blocks[index].fill, size);
    return is_right && (uintptr_t)blocks[index].bytes % 16 == 0;
}

static void test_at_random(void) {
    bool is_right = true;
    for (unsigned count = 0; count < STEPS; count++) {
        is_right &= step();
    }
    for (unsigned index = 0; index < BLOCKS; index++) {
        capos_free(blocks[index].bytes);
    }
    CHECK(is_right);
}

static void test_limits(void) {
    CHECK(capos_malloc(SIZE_MAX) == NULL);
    CHECK(capos_calloc(SIZE_MAX / 2, 4) == NULL);
    CHECK(capos_malloc(UINT64_C(1) << 45) == NULL);
    capos_free(NULL);
    uint8_t *large = capos_calloc(3, 1 << 20); /* more than the arena: from "memory" */
    CHECK(large != NULL && large[0] == 0 && large[3145727] == 0);
    capos_free(large);
}

/* By several threads at once. */

#define THREADS 4u

static int64_t use_heap(void *argument) {
    uint8_t *own[16] = {0};
    size_t sizes[16] = {0};
    uint32_t random = *(const uint32_t *)argument;
    bool is_right = true;
    for (unsigned step = 0; step < 4000; step++) {
        random = random * 1664525 + 1013904223; /* Numerical Recipes, section 7.1 */
        unsigned index = random >> 28;
        size_t size = random >> 8 & 1023;
        for (size_t offset = 0; offset < sizes[index]; offset++) {
            is_right &= own[index][offset] == (uint8_t)(sizes[index] + (uintptr_t)argument);
        }
        if (random >> 20 & 1) {
            capos_free(own[index]);
            own[index] = capos_malloc(size);
        } else {
            own[index] = capos_realloc(own[index], size);
        }
        is_right &= own[index] != NULL;
        sizes[index] = size;
        memset(own[index], (uint8_t)(size + (uintptr_t)argument), size);
    }
    for (unsigned index = 0; index < 16; index++) {
        capos_free(own[index]);
    }
    return is_right;
}

static void test_threads(void) {
    static uint32_t seeds[THREADS] = {1, 22, 333, 4444};
    struct capos_thread threads[THREADS];
    bool is_right = true;
    for (unsigned index = 0; index < THREADS; index++) {
        threads[index] = crew_start(use_heap, &seeds[index]);
    }
    for (unsigned index = 0; index < THREADS; index++) {
        is_right &= crew_value(&threads[index]) == 1;
    }
    CHECK(is_right);
}

/* The alarms, each in a child. */

/* Writes past the end of an array on the stack. */
__attribute__((noinline)) static void overflow_stack(volatile char *bytes, unsigned count) {
    for (unsigned index = 0; index < count; index++) {
        bytes[index] = 'A';
    }
}

__attribute__((noinline)) static int play_guard(volatile unsigned count) {
    char small[8];
    overflow_stack(small, count);
    return small[0];
}

static int play(const char *part) {
    uint8_t *block = capos_malloc(100);
    if (strcmp(part, "double free") == 0) {
        capos_free(block);
        capos_free(block);
    } else if (strcmp(part, "overflow") == 0) {
        memset(block, 0x41, 200);
        capos_free(block);
    } else if (strcmp(part, "wild") == 0) {
        capos_free(block + 16);
    } else if (strcmp(part, "no memory") == 0) {
        return capos_malloc(1 << 20) == NULL && capos_malloc(1000) != NULL ? 0 : 1;
    } else if (strcmp(part, "guard") == 0) {
        return play_guard(40);
    }
    return 3;
}

static void test_alarms(void) {
    static const char *const parts[] = {"double free", "overflow", "wild", "guard"};
    struct capos_process_wait_results end;
    for (unsigned index = 0; index < sizeof parts / sizeof *parts; index++) {
        end = (struct capos_process_wait_results){.reason = 99};
        CHECK_RESULT(child_run(&(struct child){.words = {parts[index]}}, &end), CAPOS_OK);
        CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_FAULTED && end.vector == 6);
    }
    /* without a grant "memory" there is the arena, and then there is no more */
    CHECK_RESULT(child_run(&(struct child){.words = {"no memory"}}, &end), CAPOS_OK);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return play(argv[1]);
    }
    test_at_random();
    test_limits();
    test_threads();
    test_alarms();
    return tap_finish();
}
