// grants: default,spawner
// seed: 1
// cpus: any
// also: --icount

/*
 * Waiters of another process on a word of a shared object, who are woken from here while something
 * ends their waits there: the process is killed, its memory goes, their time is over. What one
 * process takes out of the queue is the other's record, in a space that may be gone at once.
 */
#include "tests/guest/duel.h"

#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)
#define TURNS 40u
#define WAITERS 3u
#define WAKES 20u
#define WAKE_PAUSE 50u

/* What both processes see. */
struct board {
    uint32_t word;    /* waiters park here, and it stays 0 */
    uint32_t waiting; /* how many have begun to */
    uint32_t woken;   /* waits that ended because somebody woke them */
};

static struct board *board;
static capos_cap_t memory, shared, object;

static struct board *map_board(void) {
    uint64_t address;
    if (capos_memory_object_map(object, 0, 0, CAPOS_PAGE_SIZE, READ_WRITE, 0, &address) !=
        CAPOS_OK) {
        capos_abort("an object could not be mapped");
    }
    return (struct board *)(uintptr_t)address;
}

static void unmap_board(struct board *from) {
    if (capos_virtual_memory_unmap(memory, (uintptr_t)from, CAPOS_PAGE_SIZE) != CAPOS_OK) {
        capos_abort("an object could not be unmapped");
    }
}

/* The other process: its waiters park through a mapping of their own, until it goes. */

static struct board *parked;
static uint64_t patience_ns; /* how long a wait lasts at most; 0: for ever */

static int64_t run_waiter(void *argument) {
    int64_t result = CAPOS_OK;
    (void)argument;
    __atomic_fetch_add(&board->waiting, 1, __ATOMIC_SEQ_CST);
    while (result == CAPOS_OK || result == CAPOS_E_TIMED_OUT) {
        uint64_t deadline_ns = patience_ns == 0 ? CAPOS_FOREVER : duel_now() + patience_ns;
        result = capos_park_in(shared, &parked->word, 0, deadline_ns);
        if (result == CAPOS_OK) {
            __atomic_fetch_add(&board->woken, 1, __ATOMIC_SEQ_CST);
        }
        race_pause();
    }
    return result;
}

static int play_waiters(uint64_t patience, uint64_t delay) {
    struct capos_thread threads[WAITERS];
    object = capos_lookup("object", CAPOS_MEMORY_OBJECT_INTERFACE);
    board = map_board();
    parked = map_board();
    patience_ns = patience;
    for (unsigned index = 0; index < WAITERS; index++) {
        duel_start(run_waiter, NULL, &threads[index]);
    }
    if (delay == 0) {
        (void)capos_enter(0, 1, CAPOS_FOREVER);
    }
    race_spin(delay);
    unmap_board(parked);
    int64_t result = CAPOS_OK;
    for (unsigned index = 0; index < WAITERS; index++) {
        int64_t value = CAPOS_OK;
        result = capos_thread_wait(&threads[index], &value) == CAPOS_OK ? result : 1;
        result = value == CAPOS_E_MEMORY_GONE || value == CAPOS_E_BAD_ADDRESS ? result : 2;
    }
    return (int)result;
}

/* This one. */

static capos_cap_t process;
static uint64_t woken; /* by the second thread */

static void start_waiters(uint64_t patience, uint64_t delay) {
    struct capos_spawn_grant grants[CHILD_GRANTS_MAX];
    char texts[2][24];
    capos_format(texts[0], sizeof texts[0], "%lu", patience);
    capos_format(texts[1], sizeof texts[1], "%lu", delay);
    uint32_t count = child_take_grants(grants);
    if (capos_virtual_memory_create_object(memory, CAPOS_PAGE_SIZE, &object) != CAPOS_OK) {
        capos_abort("an object was refused");
    }
    grants[count] = (struct capos_spawn_grant){"object", object, CAPOS_SPAWN_GRANT_MODE_COPY, NULL};
    board = map_board();
    process = child_start(&(struct child){
        .words = {"waiters", texts[0], texts[1]}, .grants = grants, .grant_count = count + 1});
    while (__atomic_load_n(&board->waiting, __ATOMIC_SEQ_CST) != WAITERS) {
        race_yield();
    }
}

static bool have_ended(enum capos_process_exit_reason reason) {
    bool is_right = child_has_ended(process, reason);
    uint32_t counted = board->woken;
    if (reason == CAPOS_PROCESS_EXIT_REASON_EXITED && counted != woken) {
        capos_printf("# woken %lu, and %u found that they were\n", woken, counted);
        is_right = false;
    }
    is_right &= capos_unpark_in(shared, &board->word, UINT64_MAX) == 0;
    unmap_board(board);
    return capos_release(object) == CAPOS_OK && is_right;
}

static void wake(void) {
    woken = 0;
    for (unsigned count = 0; count < WAKES; count++) {
        int64_t result = capos_unpark_in(shared, &board->word, 1 + count % WAITERS);
        woken += result > 0 ? (uint64_t)result : 0;
        race_spin(duel_delay % WAKE_PAUSE);
    }
}

static void kill(void) {
    (void)capos_process_kill(process);
}

static void do_nothing(void) {
}

static bool wake_and_kill(uint64_t number) {
    start_waiters(number % 2 == 0 ? 0 : 5000, 0);
    duel_go(kill);
    return have_ended(CAPOS_PROCESS_EXIT_REASON_KILLED);
}

static bool wake_and_unmap(uint64_t number) {
    start_waiters(number % 2 == 0 ? 0 : 5000, 1 + race_draw(20 * DUEL_DELAY_MAX));
    duel_go(do_nothing);
    return have_ended(CAPOS_PROCESS_EXIT_REASON_EXITED);
}

static const struct duel duels[] = {
    {"unpark against the end of the waiters' process", wake_and_kill, wake, TURNS},
    {"unpark against the waiters' unmap", wake_and_unmap, wake, TURNS},
};

int main(int argc, char **argv) {
    long long patience, delay;
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    shared = capos_lookup("shared-park", CAPOS_SHARED_PARK_SPACE_INTERFACE);
    if (argc == 4 && strcmp(argv[1], "waiters") == 0) {
        bool is_right =
            capos_parse_integer(argv[2], &patience) && capos_parse_integer(argv[3], &delay);
        return is_right ? play_waiters((uint64_t)patience, (uint64_t)delay) : 99;
    }
    return duel_main(argc, argv, duels, sizeof duels / sizeof *duels);
}
