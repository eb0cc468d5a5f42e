/*
 * Runs of the models in tests/models, as Spin chose them, done again with core/: what the model
 * says that a step gave must be what the code gives. A trace has a step in a line; the names are
 * those of the functions. `make model-traces` writes the traces.
 */
#include <glob.h>

#include "core/park_queue.h"
#include "core/ring.h"
#include "tests/host/test.h"

/* The model's queue of completions; ours is filled up with promises that nobody keeps. */
#define MODEL_COMPLETIONS 2u

enum { NOBODY = 2, BUCKETS = 1 };

struct step {
    char name[16];
    char word[16];      /* what follows, */
    long first, second; /* or its two numbers */
};

/* Runs `replay` for each step of each trace of a model; returns the number of steps. */
static unsigned for_each_step(const char *pattern, void (*start)(void),
                              void (*replay)(const struct step *step)) {
    unsigned count = 0;
    glob_t traces;
    CHECK_EQUAL(glob(pattern, 0, NULL, &traces), 0);
    for (size_t i = 0; i < traces.gl_pathc; i++) {
        FILE *file = fopen(traces.gl_pathv[i], "r");
        CHECK(file != NULL);
        char line[160];
        start();
        while (fgets(line, sizeof line, file) != NULL) {
            struct step step = {{0}, {0}, -1, -1};
            if (line[0] != '#' &&
                sscanf(line, "%15s %15s %ld", step.name, step.word, &step.second) >= 1) {
                step.first = strtol(step.word, NULL, 10);
                replay(&step);
                count++;
            }
        }
        fclose(file);
    }
    globfree(&traces);
    return count;
}

static bool is(const char *name, const char *wanted) {
    return strcmp(name, wanted) == 0;
}

/* ---- core/ring.c ------------------------------------------------------------------------------
 */

static struct capos_ring shared;
static struct ring_state ring;

static void start_ring(void) {
    struct capos_entry entry;
    memset(&shared, 0, sizeof shared);
    ring_state_init(&ring, &shared);
    shared.submission_tail = CAPOS_RING_COMPLETIONS - MODEL_COMPLETIONS;
    while (ring_take(&ring, &entry) == RING_TAKEN) {
    }
    CHECK_EQUAL(ring.reserved_count, CAPOS_RING_COMPLETIONS - MODEL_COMPLETIONS);
}

static void replay_take(const struct step *step) {
    struct capos_entry entry;
    enum ring_take wanted = is(step->word, "full")    ? RING_FULL
                            : is(step->word, "empty") ? RING_EMPTY
                                                      : RING_TAKEN;
    CHECK_EQUAL(ring_take(&ring, &entry), wanted);
    if (wanted == RING_TAKEN) {
        CHECK_EQUAL(entry.user_data, step->first);
    }
}

static void replay_ring(const struct step *step) {
    if (is(step->name, "submit")) {
        shared.entries[shared.submission_tail % CAPOS_RING_ENTRIES] =
            (struct capos_entry){.user_data = (uint64_t)step->first};
        shared.submission_tail++;
    } else if (is(step->name, "take")) {
        replay_take(step);
    } else if (is(step->name, "complete")) {
        struct capos_completion completion = {.user_data = (uint64_t)step->first};
        ring_complete(&ring, &completion);
    } else if (is(step->name, "count")) {
        CHECK_EQUAL(ring_completion_count(&ring), step->first);
    } else {
        CHECK(is(step->name, "acknowledge"));
        CHECK(shared.completion_head != shared.completion_tail);
        uint32_t index = shared.completion_head % CAPOS_RING_COMPLETIONS;
        CHECK_EQUAL(shared.completions[index].user_data, step->first);
        shared.completion_head++;
    }
    ring_check(&ring);
}

TEST(ring_does_as_its_model) {
    unsigned steps = for_each_step("tests/models/traces/ring-*.txt", start_ring, replay_ring);
    CHECK(steps > 1000);
}

/* ---- core/park_queue.c ------------------------------------------------------------------------
 */

static struct park_queue queue;
static struct park_bucket buckets[BUCKETS];
static struct park_index park_index;
static struct park_waiter waiters[2];

static struct park_key key_of(long generation) {
    return park_key_private(&queue, 1, (uint64_t)generation, 0x1000);
}

static void start_park(void) {
    park_queue_init(&queue, buckets, BUCKETS, test_random());
    park_index_init(&park_index, test_random());
    park_waiter_init(&waiters[0]);
    park_waiter_init(&waiters[1]);
}

static void replay_park(const struct step *step) {
    struct park_key any = key_of(0);
    if (is(step->name, "announce")) {
        park_queue_announce(&queue, &any);
    } else if (is(step->name, "retract")) {
        park_queue_retract(&queue, &any);
    } else if (is(step->name, "idle")) {
        CHECK_EQUAL(park_queue_is_idle(&queue, &any), step->first);
    } else if (is(step->name, "insert")) {
        struct park_key key = key_of(step->second);
        park_queue_insert(&queue, &waiters[step->first], &key);
    } else if (is(step->name, "remove")) {
        park_queue_remove(&queue, &waiters[step->first]);
        CHECK_EQUAL(park_waiter_bucket(&waiters[step->first]), PARK_BUCKET_NONE);
    } else if (is(step->name, "put")) {
        park_index_put(&park_index, &waiters[step->first], 0x1000);
    } else if (is(step->name, "lose")) {
        park_index_remove(&park_index, &waiters[step->first]);
    } else if (is(step->name, "find")) {
        struct park_key key = key_of(step->first);
        struct park_waiter *wanted = step->second == NOBODY ? NULL : &waiters[step->second];
        CHECK(park_queue_find(&queue, &key) == wanted);
    } else {
        CHECK(is(step->name, "places"));
        CHECK_EQUAL(park_index_first(&park_index, 0x1000, 0x2000) != NULL, step->first);
    }
    uint32_t count, pending;
    park_queue_check(&queue, &count, &pending);
    park_index_check(&park_index);
}

TEST(park_queue_does_as_its_model) {
    unsigned steps = for_each_step("tests/models/traces/park-*.txt", start_park, replay_park);
    CHECK(steps > 1000);
}
