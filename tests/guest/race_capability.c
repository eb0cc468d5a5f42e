// grants: console,memory,threads,thread-control,park,timer,system-info
// seed: 1
// cpus: any
// also: --icount

/*
 * Ids of capabilities that are about to come: a thread makes and gives up capabilities of itself,
 * and a slot is filled again as soon as it is empty, so that the next id is easily guessed. Others
 * use that id at the same time. They may find it there or not, but never what the slot held before,
 * or half of what it is to hold, which would be a panic of the kernel.
 */
#include "tests/guest/crew.h"
#include "tests/guest/race.h"

#define CHURNS 1500u
#define GENERATION_ONE (UINT64_C(1) << 32)

static _Atomic uint64_t next_id;
static _Atomic bool is_over;
static _Atomic uint64_t churner_id;
static _Atomic unsigned wrong_answers;

/* A capability of the churner, which is gone when the caller looks, or not there yet. */
static int64_t guess(void *argument) {
    (void)argument;
    while (!is_over) {
        struct capos_thread_info_results info = {0};
        uint64_t id = next_id;
        int64_t result = capos_thread_info(id, &info);
        bool is_right = result == CAPOS_E_BAD_CAPABILITY ||
                        (result == CAPOS_OK && info.thread_id == churner_id);
        wrong_answers += !is_right;
        race_pause();
    }
    return 0;
}

static int64_t churn(void *argument) {
    (void)argument;
    capos_cap_t control = crew_capability("thread-control");
    for (unsigned turn = 0; turn < CHURNS; turn++) {
        capos_cap_t id;
        if (capos_thread_control_self(control, &id) != CAPOS_OK) {
            return 1;
        }
        if (turn == 0) {
            struct capos_thread_info_results info = {0};
            (void)capos_thread_info(id, &info);
            churner_id = info.thread_id;
        }
        next_id = id + GENERATION_ONE;
        race_spin(race_draw(40));
        if (capos_release(id) != CAPOS_OK) {
            return 2;
        }
    }
    return 0;
}

static int64_t stir(void *argument) {
    while (!is_over) {
        uint64_t now = 0;
        (void)capos_timer_now(*(capos_cap_t *)argument, &now);
        (void)capos_timer_sleep(*(capos_cap_t *)argument, now + race_draw(RACE_STIR_NS));
    }
    return 0;
}

static bool guess_ids(unsigned turn) {
    enum { GUESSERS = 2 };
    struct capos_thread guessers[GUESSERS];
    capos_cap_t timer = crew_capability("timer");
    (void)turn;
    is_over = false;
    wrong_answers = 0;
    next_id = CAPOS_CAP_NONE;
    for (unsigned index = 0; index < GUESSERS; index++) {
        guessers[index] = crew_start(guess, NULL);
    }
    struct capos_thread stirrer = crew_start(stir, &timer);
    /* The last to start: from here on slots are filled by it alone. */
    struct capos_thread churner = crew_start(churn, NULL);
    bool is_right = crew_value(&churner) == 0;
    is_over = true;
    for (unsigned index = 0; index < GUESSERS; index++) {
        is_right &= crew_value(&guessers[index]) == 0;
    }
    is_right &= crew_value(&stirrer) == 0;
    return is_right && wrong_answers == 0;
}

int main(int argc, char **argv) {
    race_seed(argc, argv);
    race_run("an id leads to what it is the id of, or nowhere", guess_ids, 4);
    return tap_finish();
}
