// grants: console,park,threads,thread-control,memory,timer
// cpus: any

/*
 * Wake-ups under load. A wake-up that is lost shows as a test that does not end, a lock that two
 * have at once as a wrong count.
 */
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define TEAM 6u
#define MILLISECOND_NS UINT64_C(1000000)

static void run_team(int64_t (*run)(void *argument), unsigned count, const char *name) {
    struct capos_thread team[TEAM];
    static unsigned numbers[TEAM];
    bool is_right = true;
    for (unsigned index = 0; index < count; index++) {
        numbers[index] = index;
        team[index] = crew_start(run, &numbers[index]);
    }
    for (unsigned index = 0; index < count; index++) {
        is_right &= crew_value(&team[index]) == 0;
    }
    tap_report(is_right, name);
}

/* A token goes round: each word holds how often its thread was given it. */

enum { ROUNDS = 500 };

static struct {
    _Alignas(64) uint32_t word;
} seats[TEAM];
static unsigned seat_count;

static int64_t pass_token(void *argument) {
    unsigned self = *(const unsigned *)argument, next = (self + 1) % seat_count;
    int64_t wrong = 0;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        uint32_t seen;
        while ((seen = crew_load(&seats[self].word)) != round) {
            wrong += seen != round - 1;
            int64_t result = capos_park(&seats[self].word, round - 1, CAPOS_FOREVER);
            wrong += result != CAPOS_OK && result != CAPOS_E_VALUE_CHANGED;
        }
        if (next != 0 || round < ROUNDS) {
            __atomic_fetch_add(&seats[next].word, 1, __ATOMIC_SEQ_CST);
            (void)capos_unpark(&seats[next].word, 1);
        }
    }
    return wrong;
}

static void test_token(unsigned count) {
    seat_count = count;
    for (unsigned index = 0; index < count; index++) {
        seats[index].word = index == 0;
    }
    run_team(pass_token, count, count == 2 ? "a token between two" : "a token round six");
}

/* Mutexes. */

static struct capos_mutex mutex;
static uint64_t counter, mirror;

static int64_t count_under_mutex(void *argument) {
    int64_t wrong = 0;
    for (unsigned turn = 0; turn < 1000; turn++) {
        capos_mutex_lock(&mutex);
        uint64_t seen = *(volatile uint64_t *)&counter;
        wrong += *(volatile uint64_t *)&mirror != seen;
        if (turn % 64 == 0) {
            capos_thread_yield(); /* so that others meet a mutex that is held */
        }
        *(volatile uint64_t *)&counter = seen + 1;
        *(volatile uint64_t *)&mirror = seen + 1;
        capos_mutex_unlock(&mutex);
    }
    return wrong;
}

static void test_mutex(void) {
    CHECK(capos_mutex_try_lock(&mutex));
    CHECK(!capos_mutex_try_lock(&mutex));
    capos_mutex_unlock(&mutex);
    run_team(count_under_mutex, TEAM, "a counter under a mutex");
    CHECK_EQUAL(counter, 1000 * TEAM);
    CHECK_EQUAL(mutex.state, CAPOS_MUTEX_FREE);
}

/* Mutexes that are freed by whoever unlocked them last. */

struct shared {
    struct capos_mutex mutex;
    uint32_t users;
};

static int64_t use_and_free(void *argument) {
    struct shared *shared = argument;
    capos_mutex_lock(&shared->mutex);
    bool is_last = --shared->users == 0;
    capos_mutex_unlock(&shared->mutex);
    if (is_last) {
        memset(shared, 0xff, sizeof *shared);
        capos_free(shared);
    }
    return 0;
}

static void test_freed_mutex(void) {
    bool is_right = true;
    for (unsigned turn = 0; turn < 100; turn++) {
        struct shared *shared = capos_calloc(1, sizeof *shared);
        shared->users = 2;
        struct capos_thread other = crew_start(use_and_free, shared);
        (void)use_and_free(shared);
        is_right &= crew_value(&other) == 0;
    }
    CHECK(is_right);
}

/* A queue of four places between producers and consumers. */

enum { PLACES = 4, ITEMS = 500 };

static struct capos_cond not_empty, not_full;
static uint32_t queue[PLACES], queue_first, queue_count;
static uint64_t sum_in, sum_out;

static void put(uint32_t item) {
    capos_mutex_lock(&mutex);
    while (queue_count == PLACES) {
        (void)capos_cond_wait(&not_full, &mutex, CAPOS_FOREVER);
    }
    queue[(queue_first + queue_count++) % PLACES] = item;
    sum_in += item;
    capos_mutex_unlock(&mutex);
    capos_cond_signal(&not_empty);
}

static void get(void) {
    capos_mutex_lock(&mutex);
    while (queue_count == 0) {
        (void)capos_cond_wait(&not_empty, &mutex, CAPOS_FOREVER);
    }
    sum_out += queue[queue_first];
    queue_first = (queue_first + 1) % PLACES;
    queue_count--;
    capos_cond_signal(&not_full);
    capos_mutex_unlock(&mutex);
}

static int64_t produce_or_consume(void *argument) {
    unsigned self = *(const unsigned *)argument;
    for (uint32_t item = 1; item <= ITEMS; item++) {
        if (self % 2 == 0) {
            put(item * (self + 1));
        } else {
            get();
        }
    }
    return 0;
}

static void test_queue(void) {
    run_team(produce_or_consume, TEAM, "producers and consumers");
    CHECK(sum_in == sum_out && queue_count == 0);
}

/* All wait for each round, and nobody is left behind by a broadcast. */

static struct capos_cond round_begins;
static uint32_t arrived, round_number;

static int64_t meet(void *argument) {
    int64_t wrong = 0;
    for (uint32_t round = 1; round <= 150; round++) {
        capos_mutex_lock(&mutex);
        if (++arrived == TEAM) {
            arrived = 0;
            round_number = round;
            capos_cond_broadcast(&round_begins, &mutex);
        }
        while (round_number < round) {
            (void)capos_cond_wait(&round_begins, &mutex, CAPOS_FOREVER);
        }
        wrong += round_number != round;
        capos_mutex_unlock(&mutex);
    }
    return wrong;
}

static void test_broadcast(void) {
    run_team(meet, TEAM, "a barrier of broadcasts");
}

/* One signal comes at about the same time as each broadcast, and wakes one of four: the broadcast
 * is for the other three all the same. */

enum { FOLLOWERS = 4, BROADCASTS = 100 };

static uint32_t beat, followed;

static void await_at_least(const uint32_t *word, uint32_t value) {
    while (crew_load(word) < value) {
        capos_thread_yield();
    }
}

static int64_t follow(void *argument) {
    for (uint32_t round = 1; round <= BROADCASTS; round++) {
        capos_mutex_lock(&mutex);
        while (crew_load(&beat) < round) {
            (void)capos_cond_wait(&round_begins, &mutex, CAPOS_FOREVER);
        }
        capos_mutex_unlock(&mutex);
        __atomic_fetch_add(&followed, 1, __ATOMIC_SEQ_CST);
    }
    return 0;
}

static int64_t signal_beats(void *argument) {
    for (uint32_t round = 1; round <= BROADCASTS; round++) {
        await_at_least(&beat, round);
        capos_cond_signal(&round_begins);
        await_at_least(&followed, round * FOLLOWERS);
    }
    return 0;
}

static int64_t conduct(void *argument) {
    for (uint32_t round = 1; round <= BROADCASTS; round++) {
        capos_mutex_lock(&mutex);
        crew_store(&beat, round);
        capos_mutex_unlock(&mutex);
        for (volatile unsigned spin = 0; spin < round % 64 * 8; spin++) {
        }
        capos_cond_broadcast(&round_begins, &mutex);
        await_at_least(&followed, round * FOLLOWERS);
    }
    return 0;
}

static int64_t play_in_orchestra(void *argument) {
    unsigned self = *(const unsigned *)argument;
    return self == 0 ? conduct(NULL) : self == 1 ? signal_beats(NULL) : follow(NULL);
}

static void test_broadcast_and_signal(void) {
    run_team(play_in_orchestra, FOLLOWERS + 2, "broadcasts among signals");
}

static uint64_t now(void) {
    uint64_t monotonic_ns = 0;
    (void)capos_timer_now(crew_capability("timer"), &monotonic_ns);
    return monotonic_ns;
}

static void test_cond_deadline(void) {
    uint64_t deadline_ns = now() + MILLISECOND_NS;
    capos_mutex_lock(&mutex);
    int64_t result = CAPOS_OK;
    while (result == CAPOS_OK) {
        result = capos_cond_wait(&not_empty, &mutex, deadline_ns);
    }
    CHECK_RESULT(result, CAPOS_E_TIMED_OUT);
    CHECK(now() >= deadline_ns && !capos_mutex_try_lock(&mutex));
    capos_mutex_unlock(&mutex);
}

/* Once. */

static struct capos_once once;
static uint32_t once_runs, once_value;

static void initialise(void) {
    __atomic_fetch_add(&once_runs, 1, __ATOMIC_SEQ_CST);
    for (unsigned turn = 0; turn < 20; turn++) {
        capos_thread_yield();
    }
    once_value = 9;
}

static int64_t need(void *argument) {
    capos_once(&once, initialise);
    return once_value == 9 ? 0 : 1;
}

static void test_once(void) {
    bool is_right = true;
    for (unsigned turn = 0; turn < 20; turn++) {
        struct capos_thread team[TEAM];
        once = (struct capos_once){0};
        once_value = 0;
        for (unsigned index = 0; index < TEAM; index++) {
            team[index] = crew_start(need, NULL);
        }
        for (unsigned index = 0; index < TEAM; index++) {
            is_right &= crew_value(&team[index]) == 0;
        }
        is_right &= crew_load(&once_runs) == turn + 1;
    }
    CHECK(is_right);
}

int main(void) {
    test_token(2);
    test_token(TEAM);
    test_mutex();
    test_freed_mutex();
    test_queue();
    test_broadcast();
    test_broadcast_and_signal();
    test_cond_deadline();
    test_once();
    return tap_finish();
}
