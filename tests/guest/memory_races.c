// grants: console,memory,spawner,system-info,threads,thread-control
// cpus: any

/*
 * Races of memory objects between CPUs: first touches, writes to shared pages, clones, mappings
 * that come and go, ends of processes, all at once. Nothing here measures time. A write that is
 * lost or seen where it should not shows in the contents, a frame that two own as a panic of the
 * kernel or as foreign contents, one that nobody owns as memory that is missing after the scenario.
 * What the players do is drawn from seeds, so that each run tries the same.
 *
 * The players are this program again, or threads of it. Each has a word of its own in every page of
 * the object that is tested. All see the object `board`, by which they tell how far they are.
 */
#include "tests/guest/child.h"
#include "tests/guest/tap.h"

#define PAGE ((uint64_t)CAPOS_PAGE_SIZE)
#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)
#define PAGES 16u
#define PLAYERS 3u

struct board {
    volatile uint64_t ready, go, stop;
    volatile uint64_t count[PLAYERS];
};

static struct board *board;

static uint64_t draw(uint64_t *seed, uint64_t limit) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*seed >> 33) % limit;
}

static capos_cap_t named(const char *name) {
    return capos_lookup(name, 0);
}

static void yield(void) {
    (void)capos_enter(0, CAPOS_RING_COMPLETIONS, CAPOS_POLL);
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
        yield();
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
    uint64_t address = map(object, PAGES, 0), seed = player;
    uint64_t counts[PAGES] = {0};
    get_ready();
    while (board->stop == 0) {
        uint64_t page = draw(&seed, PAGES);
        if (*word(address, page, player) != counts[page]) {
            return 1;
        }
        *word(address, page, player) = ++counts[page];
        count_up(player);
        if (draw(&seed, 16) == 0) {
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
    uint64_t seed = player;
    get_ready();
    while (board->stop == 0) {
        capos_cap_t clone = CAPOS_CAP_NONE;
        if (capos_memory_object_clone(named("object"), &clone) != CAPOS_OK) {
            return 1;
        }
        uint64_t address = map(clone, PAGES, draw(&seed, 2) == 0 ? 0 : CAPOS_MAP_PRIVATE);
        bool is_same = look_at(address, found, true) && look_at(address, found, false);
        for (uint64_t page = draw(&seed, 4); page < PAGES; page += 4) {
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

static capos_cap_t start(const char *part, uint64_t player, capos_cap_t object,
                         capos_cap_t shared_board) {
    char number[2] = {(char)('0' + player), 0};
    const struct capos_spawn_grant grants[] = {
        {"memory", named("memory"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"object", object, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"board", shared_board, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"spawner", named("spawner"), CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
    };
    struct child child = {.words = {part, number}, .grants = grants, .grant_count = 4};
    capos_cap_t process;
    uint32_t detail;
    must(child_spawn(&child, &process, &detail) == CAPOS_OK, "a child could not be started");
    return process;
}

static bool is_end(capos_cap_t process, enum capos_process_exit_reason reason) {
    struct capos_process_wait_results end = {.reason = 99};
    int64_t result = capos_process_wait(process, &end);
    (void)capos_release(process);
    bool is_right = result == CAPOS_OK && end.reason == reason && end.code == 0;
    if (!is_right) {
        capos_printf("# a child: %s, reason %u, code %ld, vector %u, address 0x%lx\n",
                     capos_error_name(result), (unsigned)end.reason, end.code, end.vector,
                     end.address);
    }
    return is_right;
}

static void begin(void) {
    while (board->ready != PLAYERS) {
        yield();
    }
    board->go = 1;
}

static bool touch_at_once(capos_cap_t shared_board, unsigned turn) {
    (void)turn;
    capos_cap_t object = create(PAGES), players[PLAYERS];
    for (uint64_t player = 0; player < PLAYERS; player++) {
        players[player] = start("toucher", player, object, shared_board);
    }
    begin();
    uint64_t address = map(object, PAGES, 0);
    bool is_right = true;
    for (uint64_t player = 0; player < PLAYERS; player++) {
        is_right &= is_end(players[player], CAPOS_PROCESS_EXIT_REASON_EXITED);
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

static void start_writers(capos_cap_t players[PLAYERS], capos_cap_t object,
                          capos_cap_t shared_board) {
    players[0] = start("counter", 0, object, shared_board);
    players[1] = start("counter", 1, object, shared_board);
    players[2] = start("cloner", 2, object, shared_board);
}

static bool write_and_clone(capos_cap_t shared_board, unsigned turn) {
    (void)turn;
    capos_cap_t object = create(PAGES), players[PLAYERS];
    start_writers(players, object, shared_board);
    begin();
    while (board->count[0] < 200 || board->count[1] < 200 || board->count[2] < 10) {
        yield();
    }
    board->stop = 1;
    bool is_right = true;
    for (uint64_t player = 0; player < PLAYERS; player++) {
        is_right &= is_end(players[player], CAPOS_PROCESS_EXIT_REASON_EXITED);
    }
    must(capos_release(object) == CAPOS_OK, "release");
    return is_right;
}

/* Everybody is killed in the midst of it, one after the other. */
static bool write_and_kill(capos_cap_t shared_board, unsigned turn) {
    uint64_t seed = turn;
    capos_cap_t object = create(PAGES), players[PLAYERS];
    start_writers(players, object, shared_board);
    begin();
    while (board->count[0] < 10 + draw(&seed, 50)) {
        yield();
    }
    bool is_right = true;
    for (uint64_t player = turn; player < turn + PLAYERS; player++) {
        must(capos_process_kill(players[player % PLAYERS]) == CAPOS_OK, "kill");
        is_right &= is_end(players[player % PLAYERS], CAPOS_PROCESS_EXIT_REASON_KILLED);
    }
    must(capos_release(object) == CAPOS_OK, "release");
    return is_right;
}

/* Makes the object that others write to, and ends: so do they, but not at once. */
static int play_maker(uint64_t player) {
    capos_cap_t object = create(PAGES), players[PLAYERS];
    start_writers(players, object, named("board"));
    begin();
    while (board->count[0] < 20 + player) {
        yield();
    }
    return 0;
}

static bool end_the_maker(capos_cap_t shared_board, unsigned turn) {
    return is_end(start("maker", turn % 10, shared_board, shared_board),
                  CAPOS_PROCESS_EXIT_REASON_EXITED);
}

/* Maps all of the object, looks at some of it, and unmaps it, again and again. */
static int play_mapper(uint64_t player) {
    uint64_t seed = player;
    get_ready();
    while (board->stop == 0) {
        uint64_t address = map(named("object"), PAGES, 0), page = draw(&seed, PAGES);
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
static bool clone_under_mappers(capos_cap_t shared_board, unsigned turn) {
    (void)turn;
    capos_cap_t object = create(PAGES), players[PLAYERS];
    for (uint64_t player = 0; player < PLAYERS; player++) {
        players[player] = start("mapper", player, object, shared_board);
    }
    begin();
    uint64_t address = map(object, PAGES, 0);
    for (uint64_t written = 0; written < 400; written++) {
        capos_cap_t clone = CAPOS_CAP_NONE;
        must(capos_memory_object_clone(object, &clone) == CAPOS_OK, "clone");
        *word(address, written % PAGES, PLAYERS) = written % PAGES + 1;
        must(capos_release(clone) == CAPOS_OK, "release");
    }
    bool is_right = true;
    board->stop = 1;
    for (uint64_t player = 0; player < PLAYERS; player++) {
        is_right &= is_end(players[player], CAPOS_PROCESS_EXIT_REASON_EXITED);
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
#define ROUNDS 8u

static struct {
    uint64_t address[ROUNDS];
    volatile uint64_t round, met, done, failures, left;
} team;

/* Waits until all players have come here so often. */
static void meet(uint64_t times) {
    (void)__atomic_add_fetch(&team.met, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&team.met, __ATOMIC_SEQ_CST) < times * PLAYERS) {
        yield();
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
            yield();
        }
        play_round(player, round);
        (void)__atomic_add_fetch(&team.done, 1, __ATOMIC_SEQ_CST);
    }
}

static void run_thread(uint64_t player) {
    play_rounds(player);
    (void)__atomic_add_fetch(&team.left, 1, __ATOMIC_SEQ_CST);
    (void)capos_thread_control_exit(named("thread-control"), 0, 0, 0);
}

static void start_thread(uint64_t player) {
    static _Alignas(16) uint8_t stacks[PLAYERS][16384];
    uint64_t fs_base = 0;
    (void)capos_thread_control_get_fs_base(named("thread-control"), &fs_base);
    struct capos_thread_spawner_create_results thread;
    must(capos_thread_spawner_create(named("threads"), (uintptr_t)run_thread,
                                     (uintptr_t)(stacks[player + 1]) - 8, player, fs_base,
                                     CAPOS_THREAD_DETACHED, &thread) == CAPOS_OK,
         "a thread that the test needs was refused");
}

static bool write_in_threads(capos_cap_t shared_board, unsigned turn) {
    (void)shared_board;
    (void)turn;
    capos_cap_t object = create(PAGES);
    team.round = team.met = team.done = team.failures = team.left = 0;
    for (uint64_t player = 0; player + 1 < PLAYERS; player++) {
        start_thread(player);
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
            yield();
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
    while (team.left != PLAYERS - 1) {
        yield();
    }
    unmap(shared, PAGES);
    must(capos_release(object) == CAPOS_OK, "release");
    return is_right && team.failures == 0;
}

/* All of them. */

static int play(const char *part, uint64_t player) {
    board = (struct board *)map(named("board"), 1, 0);
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

static uint64_t free_bytes(void) {
    struct capos_system_info_get_results info = {0};
    capos_system_info_get(named("system-info"), &info);
    return info.free_bytes;
}

/* One turn to touch what we need ourselves, then those that count. The CPU that ended a process may
 * still be about to give back its share, so we look more than once. */
static void run(const char *name, bool (*scenario)(capos_cap_t shared_board, unsigned turn),
                unsigned turns) {
    bool is_right = true, is_given_back = false;
    uint64_t before = 0;
    for (unsigned turn = 0; turn <= turns; turn++) {
        capos_cap_t shared_board = create(1);
        board = (struct board *)map(shared_board, 1, 0);
        is_right &= scenario(shared_board, turn);
        unmap((uintptr_t)board, 1);
        must(capos_release(shared_board) == CAPOS_OK, "release");
        before = turn == 0 ? free_bytes() : before;
    }
    for (unsigned look = 0; look < 1000 && !is_given_back; look++) {
        is_given_back = free_bytes() == before;
        if (!is_given_back) {
            yield();
        }
    }
    if (!tap_report(is_right && is_given_back, name)) {
        capos_printf("# turns %s; free bytes %lu, then %lu\n", is_right ? "right" : "wrong", before,
                     free_bytes());
    }
}

int main(int argc, char **argv) {
    if (argc > 2) {
        return play(argv[1], (uint64_t)(argv[2][0] - '0'));
    }
    run("a page that all touch first has one frame", touch_at_once, 8);
    run("writes and clones do not disturb each other", write_and_clone, 2);
    run("writers are killed", write_and_kill, 6);
    run("the maker ends before the writers", end_the_maker, 6);
    run("mappings go while they are walked over", clone_under_mappers, 1);
    run("threads copy a page once", write_in_threads, 1);
    return tap_finish();
}
