#include "core/word_pages.h"

#include <pthread.h>

#include "tests/host/test.h"

enum { FRAMES = 64, STEPS = 200000, READERS = 2 };

static struct word_pages words;
/* Frames are pages of memory; here a word of each stands for it. */
static _Alignas(4096) _Atomic uint32_t frames[FRAMES][1024];

static const uint32_t *word_in(unsigned frame, uint64_t address) {
    return (const uint32_t *)&frames[frame][address % CAPOS_PAGE_SIZE / sizeof(uint32_t)];
}

static bool finds(uint64_t address, const uint32_t *word, uint64_t generation) {
    struct word_place place;
    return word_pages_find(&words, address, &place) && word_place_is_current(&place) &&
           place.word == word && place.generation == generation;
}

static bool finds_none(uint64_t address) {
    struct word_place place;
    return !word_pages_find(&words, address, &place);
}

static void start(void) {
    memset(&words, 0, sizeof words);
}

/* An address of another page that has its place where this one has. */
static uint64_t displacing(uint64_t address) {
    uint64_t other = address + CAPOS_PAGE_SIZE;
    while (word_pages_index(other) != word_pages_index(address)) {
        other += CAPOS_PAGE_SIZE;
    }
    return other;
}

TEST(nothing_is_remembered_at_first) {
    start();
    CHECK(finds_none(0x1000));
    CHECK(finds_none(0x7fffffff000));
}

TEST(all_words_of_a_page_are_remembered) {
    start();
    word_pages_remember(&words, 0x5008, word_in(0, 8), 7);
    CHECK(finds(0x5008, word_in(0, 8), 7));
    CHECK(finds(0x5000, word_in(0, 0), 7));
    CHECK(finds(0x5ffc, word_in(0, 0xffc), 7));
    CHECK(finds_none(0x4ffc));
    CHECK(finds_none(0x6000));
}

TEST(a_page_that_displaces_another_is_remembered_alone) {
    start();
    uint64_t other = displacing(0x5000);
    word_pages_remember(&words, 0x5000, word_in(0, 0), 1);
    word_pages_remember(&words, other, word_in(1, 0), 2);
    CHECK(finds_none(0x5000));
    CHECK(finds(other, word_in(1, 0), 2));
}

TEST(what_was_found_before_is_not_current_after) {
    struct word_place place;
    start();
    word_pages_remember(&words, 0x5000, word_in(0, 0), 1);
    CHECK(word_pages_find(&words, 0x5000, &place));
    word_pages_forget(&words, 0x5000, 0x6000);
    CHECK(!word_place_is_current(&place));
    word_pages_remember(&words, 0x5000, word_in(0, 0), 1);
    CHECK(!word_place_is_current(&place));
    CHECK(word_pages_find(&words, 0x5000, &place));
    word_pages_remember(&words, displacing(0x5000), word_in(1, 0), 1);
    CHECK(!word_place_is_current(&place));
}

/* Short ranges look where their pages would be, long ones look at all places. */
TEST(a_range_is_forgotten_and_nothing_beside_it) {
    for (uint64_t pages = 1; pages <= 4 * WORD_PAGES; pages *= 4) {
        uint64_t low = 0x100000, high = low + pages * CAPOS_PAGE_SIZE;
        for (uint64_t at = low - 2 * CAPOS_PAGE_SIZE; at < high + 2 * CAPOS_PAGE_SIZE;
             at += CAPOS_PAGE_SIZE) {
            start();
            word_pages_remember(&words, at + 4, word_in(3, 4), at);
            word_pages_forget(&words, low, high);
            bool is_inside = at >= low && at < high;
            CHECK(is_inside ? finds_none(at + 4) : finds(at + 4, word_in(3, 4), at));
        }
    }
}

/*
 * One who remembers and forgets, others who look meanwhile. While a frame is remembered its word
 * has the frame's number and the generation is that number's; before it is used again it holds
 * something else.
 */
static atomic_bool is_over;
static atomic_uint seen;

static void *look(void *argument) {
    static const uint64_t address = 0x5000;
    unsigned *wrong = argument;
    while (!atomic_load(&is_over)) {
        struct word_place place;
        if (!word_pages_find(&words, address, &place)) {
            continue;
        }
        uint32_t value = __atomic_load_n(place.word, __ATOMIC_SEQ_CST);
        unsigned frame = (unsigned)((place.word - word_in(0, 0)) / 1024);
        if (word_place_is_current(&place)) {
            *wrong += value != frame + 1 || place.generation != frame + 1;
            atomic_fetch_add_explicit(&seen, 1, memory_order_relaxed);
        }
    }
    return NULL;
}

TEST(who_looks_without_the_lock_never_takes_one_page_for_another) {
    pthread_t readers[READERS];
    unsigned wrong[READERS] = {0};
    start();
    atomic_store(&is_over, false);
    atomic_store(&seen, 0);
    for (int i = 0; i < READERS; i++) {
        CHECK(pthread_create(&readers[i], NULL, look, &wrong[i]) == 0);
    }
    uint64_t other = displacing(0x5000);
    for (unsigned step = 0; step < STEPS || atomic_load(&seen) < STEPS / 100; step++) {
        unsigned frame = step % FRAMES;
        atomic_store(&frames[frame][0], frame + 1);
        word_pages_remember(&words, 0x5000, word_in(frame, 0), frame + 1);
        if (step % 3 == 0) {
            word_pages_remember(&words, other, word_in(frame, 0), 0);
        } else if (step % 3 == 1) {
            word_pages_forget(&words, 0x5000, 0x6000);
        } else {
            /* The same page with another frame, as copy-on-write leaves it. */
            unsigned next = (frame + 1) % FRAMES;
            atomic_store(&frames[next][0], next + 1);
            word_pages_remember(&words, 0x5000, word_in(next, 0), next + 1);
            atomic_store(&frames[frame][0], UINT32_MAX);
            word_pages_forget(&words, 0x5000, 0x6000);
            frame = next;
        }
        atomic_store(&frames[frame][0], UINT32_MAX); /* the frame is somebody else's */
    }
    atomic_store(&is_over, true);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i], NULL);
        CHECK_EQUAL(wrong[i], 0);
    }
}
