// grants: console,memory,spawner,system-info,threads,thread-control,park
// seed: 1
// cpus: any
// also: --icount
// seconds: 180

/*
 * Races of memory objects between CPUs: first touches, writes to shared pages, clones, mappings
 * that come and go, ends of processes, all at once. Nothing here measures time. A write that is
 * lost or seen where it should not shows in the contents, a frame that two own as a panic of the
 * kernel or as foreign contents, one that nobody owns as memory that is missing after the scenario.
 * What the players do is drawn from the seed.
 *
 * The players are this program again, or threads of it. Each has a word of its own in every page of
 * the object that is tested. All see the object `board`, by which they tell how far they are.
 */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/race.h"

#define PAGE ((uint64_t)CAPOS_PAGE_SIZE)
#define PAGES 16u
#define PLAYERS 3u

struct board {
    volatile uint64_t ready, go, stop;
    volatile uint64_t count[PLAYERS];
};

static struct board *board;
static capos_cap_t board_object;

static capos_cap_t named(const char *name) {
    return capos_lookup(name, 0);
}

static void must(bool is_true, const char *what) {
    if (!is_true) {
        capos_abort(what);
    }
}

static capos_cap_t create(uint64_t pages) {
    capos_cap_t object = CAPOS_CAP_NONE;
    must(capos_virtual_memory_create_object(named("memory"), pages * PAGE, &object) == CAPOS_OK,
         "an object that the test needs was refused");
    return object;
}

static uint64_t map(capos_cap_t object, uint64_t pages, uint64_t flags) {
    uint64_t address = 0;
    must(capos_memory_object_map(object, 0, 0, pages * PAGE, READ_WRITE, flags, &address) ==
             CAPOS_OK,
         "a mapping that the test needs was refused");
    return address;
}

static void unmap(uint64_t address, uint64_t pages) {
    must(capos_virtual_memory_unmap(named("memory"), address, pages * PAGE) == CAPOS_OK,
         "what was mapped could not be unmapped");
}

/* The player's word in a page. */
static volatile uint64_t *word(uint64_t address, uint64_t page, uint64_t player) {
    return (volatile uint64_t *)(uintptr_t)(address + page * PAGE + player * 8);
}

static void count_up(uint64_t player) {
    (void)__atomic_add_fetch(&board->count[player], 1, __ATOMIC_SEQ_CST);
}

static void get_ready(void) {
    (void)__atomic_add_fetch(&board->ready, 1, __ATOMIC_SEQ_CST);
    while (board->go == 0) {
        race_yield();
    }
}

/* Everybody touches the pages of a fresh object at once, each his own words: where a page got two
 * frames, the words of somebody are lost. */
static int play_toucher(uint64_t player) {
    uint64_t address = map(named("object"), PAGES, 0);
    get_ready();
    for (uint64_t page = 0; page < PAGES; page++) {
        *word(address, page, player) = player + 1;
    }
    return 0;
}

/* Counts its words up, in pages that are cloned all the time, through mappings that come and go: no
 * count may be lost. */
static int play_counter(uint64_t player) {
    capos_cap_t object = named("object");
    uint64_t address = map(object, PAGES, 0);
    uint64_t counts[PAGES] = {0};
    get_ready();
    while (board->stop == 0) {
        race_pause();
        uint64_t page = race_draw(PAGES);
        if (*word(address, page, player) != counts[page]) {
            return 1;
        }
        *word(address, page, player) = ++counts[page];
        count_up(player);
        if (race_draw(16) == 0) {
            uint64_t before = address;
            address = map(object, PAGES, 0);
            unmap(before, PAGES);
        }
    }
    return 0;
}

/* False when a word has changed since the look before. */
static bool look_at(uint64_t address, uint64_t found[PAGES][PLAYERS], bool is_first) {
    bool is_same = true;
    for (uint64_t page = 0; page < PAGES; page++) {
        for (uint64_t player = 0; player < PLAYERS; player++) {
            uint64_t value = *word(address, page, player);
            is_same &= is_first || value == found[page][player];
            found[page][player] = value;
        }
    }
    return is_same;
}

/* Makes clones and looks whether they stay as they are, although the source is written, and even
 * where it has written to them itself. */
static int play_cloner(uint64_t player) {
    static uint64_t found[PAGES][PLAYERS];
    get_ready();
    while (board->stop == 0) {
        race_pause();
        capos_cap_t clone = CAPOS_CAP_NONE;
        if (capos_memory_object_clone(named("object"), &clone) != CAPOS_OK) {
            return 1;
        }
        uint64_t address = map(clone, PAGES, race_draw(2) == 0 ? 0 : CAPOS_MAP_PRIVATE);
        bool is_same = look_at(address, found, true) && look_at(address, found, false);
        for (uint64_t page = race_draw(4); page < PAGES; page += 4) {
            *word(address, page, PLAYERS) = player;
        }
        is_same &= look_at(address, found, false);
        must(capos_release(clone) == CAPOS_OK, "a clone could not be released");
        is_same &= look_at(address, found, false);
        unmap(address, PAGES);
        if (!is_same) {
            return 2;
        }
        count_up(player);
    }
    return 0;
}

/* The scenarios. */

static capos_cap_t start(const char *part, uint64_t player, capos_cap_t object) {
    char number[2] = {(char)('0' + player), 0}, seed[24];
    capos_format(seed, sizeof seed, "%lu", race_draw(UINT32_MAX));
    const struct capos_spawn_grant grants[] = {
        {"memory", named("memory"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"object", object, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"board", board_object, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"spawner", named("spawner"), CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
    };
    struct child child = {.words = {part, number, seed}, .grants = grants, .grant_count = 4};
    return child_start(&child);
}

/* One that nobody has seen: those of an earlier turn may still be about to end. */
static void new_board(void) {
    if (board != NULL) {
        unmap((uintptr_t)board, 1);
        must(capos_release(board_object) == CAPOS_OK, "the board could not be released");
    }
    board_object = create(1);
    board = (struct board *)map(board_object, 1, 0);
}

static void begin(void) {
    while (board->ready != PLAYERS) {
        race_yield();
    }
    board->go = 1;
}

static bool touch_at_once(unsigned turn) {
    (void)turn;
    new_board();
    capos_cap_t object = create(PAGES), players[PLAYERS];
    for (uint64_t player = 0; player < PLAYERS; player++) {
        players[player] = start("toucher", player, object);
    }
    begin();
    uint64_t address = map(object, PAGES, 0);
    bool is_right = true;
    for (uint64_t player = 0; player < PLAYERS; player++) {
        is_right &= child_has_ended(players[player], CAPOS_PROCESS_EXIT_REASON_EXITED);
    }
    for (uint64_t page = 0; page < PAGES; page++) {
        for (uint64_t player = 0; player < PLAYERS; player++) {
            is_right &= *word(address, page, player) == player + 1;
        }
    }
    unmap(address, PAGES);
    must(capos_release(object) == CAPOS_OK, "release");
    return is_right;
}

static void start_writers(capos_cap_t players[PLAYERS], capos_cap_t object) {
    players[0] = start("counter", 0, object);
    players[1] = start("counter", 1, object);
    players[2] = start("cloner", 2, object);
}

static bool write_and_clone(unsigned turn) {
    (void)turn;
    new_board();
    capos_cap_t object = create(PAGES), players[PLAYERS];
    start_writers(players, object);
    begin();
    while (board->count[0] < 40 || board->count[1] < 40 || board->count[2] < 3) {
        race_yield();
    }
    board->stop = 1;
    bool is_right = true;
    for (uint64_t player = 0; player < PLAYERS; player++) {
        is_right &= child_has_ended(players[player], CAPOS_PROCESS_EXIT_REASON_EXITED);
    }
    must(capos_release(object) == CAPOS_OK, "release");
    return is_right;
}

/* Everybody is killed in the midst of it, one after the other. */
static bool write_and_kill(unsigned turn) {
    new_board();
    capos_cap_t object = create(PAGES), players[PLAYERS];
    start_writers(players, object);
    begin();
    while (board->count[0] < 5 + race_draw(15)) {
        race_yield();
    }
    bool is_right = true;
    for (uint64_t player = turn; player < turn + PLAYERS; player++) {
        must(capos_process_kill(players[player % PLAYERS]) == CAPOS_OK, "kill");
        is_right &= child_has_ended(players[player % PLAYERS], CAPOS_PROCESS_EXIT_REASON_KILLED);
    }
    must(capos_release(object) == CAPOS_OK, "release");
    return is_right;
}

/* Makes the object that others write to, and ends: so do they, but not at once. */
static int play_maker(uint64_t player) {
    capos_cap_t object = create(PAGES), players[PLAYERS];
    start_writers(players, object);
    begin();
    while (board->count[0] < 20 + player) {
        race_yield();
    }
    return 0;
}

static bool end_the_maker(unsigned turn) {
    new_board();
    return child_has_ended(start("maker", turn % 10, board_object),
                           CAPOS_PROCESS_EXIT_REASON_EXITED);
}

/* Maps all of the object, looks at some of it, and unmaps it, again and again. */
static int play_mapper(uint64_t player) {
    get_ready();
    while (board->stop == 0) {
        race_pause();
        uint64_t address = map(named("object"), PAGES, 0), page = race_draw(PAGES);
        uint64_t found = *word(address, page, PLAYERS);
        unmap(address, PAGES);
        if (found > page + 1) {
            return 1;
        }
        count_up(player);
    }
    return 0;
}

/* Clones and writes walk over mappings that go at that moment. */
static bool clone_under_mappers(unsigned turn) {
    (void)turn;
    new_board();
    capos_cap_t object = create(PAGES), players[PLAYERS];
    for (uint64_t player = 0; player < PLAYERS; player++) {
        players[player] = start("mapper", player, object);
    }
    begin();
    uint64_t address = map(object, PAGES, 0);
    for (uint64_t written = 0; written < 60; written++) {
        capos_cap_t clone = CAPOS_CAP_NONE;
        must(capos_memory_object_clone(object, &clone) == CAPOS_OK, "clone");
        *word(address, written % PAGES, PLAYERS) = written % PAGES + 1;
        must(capos_release(clone) == CAPOS_OK, "release");
    }
    bool is_right = true;
    board->stop = 1;
    for (uint64_t player = 0; player < PLAYERS; player++) {
        is_right &= child_has_ended(players[player], CAPOS_PROCESS_EXIT_REASON_EXITED);
    }
    unmap(address, PAGES);
    must(capos_release(object) == CAPOS_OK, "release");
    return is_right;
}

/*
 * Threads of one process, on the same pages of the same mappings: in turns a private one that is
 * new, and one of an object that has just been cloned. All have seen a page before one of them
 * writes to it, and all look again then: whoever still reads the frame that was there before the
 * copy has not been told. Then all write to it: where two made a copy each, somebody's word is
 * lost.
 */
#define ROUNDS 4u

static struct {
    uint64_t address[ROUNDS];
    volatile uint64_t round, met, done, failures;
} team;

/* Waits until all players have come here so often. */
static void meet(uint64_t times) {
    (void)__atomic_add_fetch(&team.met, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&team.met, __ATOMIC_SEQ_CST) < times * PLAYERS) {
        race_yield();
    }
}

static void play_round(uint64_t player, uint64_t round) {
    uint64_t address = team.address[round], failures = 0, times = round * 2 * PAGES;
    for (uint64_t page = 0; page < PAGES; page++) {
        failures += *word(address, page, PLAYERS) != 0;
        meet(++times);
        if (page % PLAYERS == player) {
            *word(address, page, PLAYERS) = page + 1;
        }
        meet(++times);
        failures += *word(address, page, PLAYERS) != page + 1;
        *word(address, page, player) = page + 1;
    }
    (void)__atomic_add_fetch(&team.failures, failures, __ATOMIC_SEQ_CST);
}

static void play_rounds(uint64_t player) {
    for (uint64_t round = 0; round < ROUNDS; round++) {
        while (__atomic_load_n(&team.round, __ATOMIC_SEQ_CST) <= round) {
            race_yield();
        }
        play_round(player, round);
        (void)__atomic_add_fetch(&team.done, 1, __ATOMIC_SEQ_CST);
    }
}

static int64_t run_thread(void *player) {
    play_rounds((uintptr_t)player);
    return 0;
}

static bool write_in_threads(unsigned turn) {
    (void)turn;
    new_board();
    capos_cap_t object = create(PAGES);
    struct capos_thread threads[PLAYERS - 1];
    team.round = team.met = team.done = team.failures = 0;
    for (uintptr_t player = 0; player + 1 < PLAYERS; player++) {
        threads[player] = crew_start(run_thread, (void *)player);
    }
    uint64_t shared = map(object, PAGES, 0);
    bool is_right = true;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        capos_cap_t clone = CAPOS_CAP_NONE;
        bool is_private = round % 2 == 0;
        must(is_private || capos_memory_object_clone(object, &clone) == CAPOS_OK, "clone");
        team.address[round] = is_private ? map(object, PAGES, CAPOS_MAP_PRIVATE) : shared;
        (void)__atomic_add_fetch(&team.round, 1, __ATOMIC_SEQ_CST);
        play_round(PLAYERS - 1, round);
        while (__atomic_load_n(&team.done, __ATOMIC_SEQ_CST) != (round + 1) * (PLAYERS - 1)) {
            race_yield();
        }
        for (uint64_t page = 0; page < PAGES; page++) {
            for (uint64_t player = 0; player < PLAYERS; player++) {
                is_right &= *word(team.address[round], page, player) == page + 1;
                *word(shared, page, player) = 0;
            }
            *word(shared, page, PLAYERS) = 0;
        }
        if (is_private) {
            unmap(team.address[round], PAGES);
        } else {
            must(capos_release(clone) == CAPOS_OK, "release");
        }
    }
    for (unsigned player = 0; player + 1 < PLAYERS; player++) {
        is_right &= crew_value(&threads[player]) == 0;
    }
    unmap(shared, PAGES);
    must(capos_release(object) == CAPOS_OK, "release");
    return is_right && team.failures == 0;
}

/* All of them. */

static int play(const char *part, uint64_t player) {
    board_object = named("board");
    board = (struct board *)map(board_object, 1, 0);
    if (strcmp(part, "toucher") == 0) {
        return play_toucher(player);
    }
    if (strcmp(part, "counter") == 0) {
        return play_counter(player);
    }
    if (strcmp(part, "cloner") == 0) {
        return play_cloner(player);
    }
    if (strcmp(part, "mapper") == 0) {
        return play_mapper(player);
    }
    return strcmp(part, "maker") == 0 ? play_maker(player) : 98;
}

int main(int argc, char **argv) {
    if (argc > 3) {
        race_seed(argc - 2, argv + 2);
        return play(argv[1], (uint64_t)(argv[2][0] - '0'));
    }
    race_seed(argc, argv);
    race_run("a page that all touch first has one frame", touch_at_once, 8);
    race_run("writes and clones do not disturb each other", write_and_clone, 2);
    race_run("writers are killed", write_and_kill, 6);
    race_run("the maker ends before the writers", end_the_maker, 6);
    race_run("mappings go while they are walked over", clone_under_mappers, 1);
    race_run("threads copy a page once", write_in_threads, 1);
    return tap_finish();
}
