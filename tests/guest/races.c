// grants: console,spawner,memory,timer,system-info
// seed: 1
// cpus: any
// also: --icount

/*
 * Races between CPUs that the kernel once lost, provoked on purpose: ends of processes against
 * whatever goes on at that moment. A wake-up that is lost shows as a test that does not end, a
 * frame that two own as a panic of the kernel or as foreign contents, and a reference that is lost
 * as memory that is missing after the scenario.
 *
 * The children are this program again. They are seen from outside by what they do to our memory:
 * each may unmap a page of ours, a flag, to say that it is there.
 */
#include "tests/guest/child.h"
#include "tests/guest/race.h"

#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)
#define MIB (UINT64_C(1) << 20)
#define FLAGS UINT64_C(0x200000000) /* a page for each flag, mapped until it is raised */
#define FLAGS_MAX 16u
#define BLOCK UINT64_C(0x300000000) /* what is taken away from its owner */
#define BLOCK_BYTES (8 * MIB)
#define PAGES 64u
#define PAGES_BYTES (PAGES * UINT64_C(4096))

static capos_cap_t memory, spawner, timer;
static struct capos_ring_client ring;

static void map(uint64_t at, uint64_t size) {
    uint64_t address;
    if (capos_virtual_memory_map(memory, at, size, READ_WRITE, &address) != CAPOS_OK) {
        capos_abort("memory that the test needs was refused");
    }
}

static void touch(uint64_t at, uint64_t size) {
    for (uint64_t offset = 0; offset < size; offset += CAPOS_PAGE_SIZE) {
        *(volatile uint8_t *)(at + offset) = 1;
    }
}

static enum capos_virtual_memory_kind kind_at(capos_cap_t space, uint64_t address) {
    struct capos_virtual_memory_query_results run = {0};
    (void)capos_virtual_memory_query(space, address, &run);
    return (enum capos_virtual_memory_kind)run.kind;
}

/* Flags. */

static uint64_t flag_address(uint64_t flag) {
    return FLAGS + flag * CAPOS_PAGE_SIZE;
}

static void raise_flag(uint64_t flag) {
    capos_cap_t parents = capos_lookup("parents-memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    (void)capos_virtual_memory_unmap(parents, flag_address(flag), CAPOS_PAGE_SIZE);
}

/* Also waits for whoever is still raising one: until then the page is not to be had. */
static void lower_flags(void) {
    while (capos_virtual_memory_unmap(memory, FLAGS, FLAGS_MAX * CAPOS_PAGE_SIZE) != CAPOS_OK) {
        race_yield();
    }
    map(FLAGS, FLAGS_MAX * CAPOS_PAGE_SIZE);
}

/* Ends when the flag is raised, or is just being raised. */
static void await_flag(uint64_t flag) {
    while (kind_at(memory, flag_address(flag)) == CAPOS_VIRTUAL_MEMORY_KIND_ANONYMOUS) {
        race_yield();
    }
}

/* Children. */

/* Each gets memory of its own, ours, and what it needs to spawn and sleep; `process` too. */
static capos_cap_t start(const char *part, uint64_t number, capos_cap_t process) {
    char text[24];
    capos_format(text, sizeof text, "%lu", number);
    const struct capos_spawn_grant grants[] = {
        {"memory", memory, CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"parents-memory", memory, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"spawner", spawner, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"timer", timer, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"process", process, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
    };
    struct child child = {
        .words = {part, text}, .grants = grants, .grant_count = process == CAPOS_CAP_NONE ? 4 : 5};
    return child_start(&child);
}

/* Submits a wait whose results go to `results`; whoever wants them enters the ring for them. */
static void begin_wait(capos_cap_t process, struct capos_process_wait_results *results) {
    results->root = CAPOS_PROCESS_WAIT_PARAMS_ROOT;
    struct capos_entry *entry = capos_ring_prepare(&ring);
    entry->opcode = CAPOS_OP_CALL;
    entry->method = CAPOS_PROCESS_METHOD_WAIT;
    entry->capability = process;
    entry->length = sizeof(struct capos_process_wait_params);
    entry->argument[0] = (uint64_t)(uintptr_t)results;
    (void)capos_ring_enter(&ring, 0, CAPOS_POLL);
}

/*
 * A kill while its victim goes to sleep for ever: the bit that says so is set after the victim last
 * looked at it and before it waits. Once in the ring form of cap_enter, once in the register form.
 * The victim must end all the same.
 */

static int play_sleeper(uint64_t turn) {
    raise_flag(0);
    if (turn % 2 == 0) {
        (void)capos_ring_enter(&ring, 1, CAPOS_FOREVER);
    } else {
        (void)capos_timer_sleep(timer, CAPOS_FOREVER);
    }
    return 1; /* not reached */
}

static bool kill_sleeper(unsigned turn) {
    lower_flags();
    capos_cap_t sleeper = start("sleeper", turn, CAPOS_CAP_NONE);
    await_flag(0);
    race_spin(race_draw(3000));
    return child_is_killed(sleeper);
}

/*
 * A parent that ends at the moment at which its child ends, with a wait for it in flight: the wait
 * is cancelled by one CPU and completed by another, and whichever of the two processes is the last
 * ends both. No record, thread or process may be freed while the other CPU still uses it.
 */

static int play_leaf(uint64_t delay) {
    race_spin(delay);
    return 0;
}

static int play_branch(uint64_t delay) {
    static struct capos_process_wait_results results;
    begin_wait(start("leaf", delay, CAPOS_CAP_NONE), &results);
    race_spin(delay);
    return 0;
}

static bool end_trees(unsigned turn) {
    enum { BRANCHES = 3 };
    capos_cap_t branches[BRANCHES];
    (void)turn;
    for (unsigned index = 0; index < BRANCHES; index++) {
        branches[index] = start("branch", race_draw(60000), CAPOS_CAP_NONE);
    }
    bool is_right = true;
    for (unsigned index = 0; index < BRANCHES; index++) {
        is_right &= child_has_ended(branches[index], CAPOS_PROCESS_EXIT_REASON_EXITED);
    }
    return is_right;
}

/*
 * An unmap of a range with a hole, while somebody else maps a page in the hole: the page is not the
 * unmap's, and stays with what is in it. We unmap; a child waits until it sees the block go, maps
 * the page, and has the kernel write to it, as the results of a wait of ours.
 */

static uint64_t hole_address(uint64_t turn) {
    return turn % 2 == 0 ? BLOCK - 2 * CAPOS_PAGE_SIZE : BLOCK + BLOCK_BYTES + CAPOS_PAGE_SIZE;
}

static int play_filler(uint64_t turn) {
    capos_cap_t parents = capos_lookup("parents-memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    uint64_t address;
    raise_flag(0);
    while (kind_at(parents, BLOCK) == CAPOS_VIRTUAL_MEMORY_KIND_ANONYMOUS) {
        race_yield();
    }
    int64_t result = capos_virtual_memory_map(parents, hole_address(turn), CAPOS_PAGE_SIZE,
                                              READ_WRITE, &address);
    (void)capos_process_kill(capos_lookup("process", CAPOS_PROCESS_INTERFACE));
    return result == CAPOS_OK ? 0 : 1;
}

static bool fill_hole(unsigned turn) {
    struct capos_process_wait_results *page =
        (struct capos_process_wait_results *)(uintptr_t)hole_address(turn);
    struct capos_completion completion = {.result = 1};
    lower_flags();
    map(hole_address(turn), CAPOS_PAGE_SIZE);
    capos_cap_t waited_for = start("sleeper", 1, CAPOS_CAP_NONE);
    begin_wait(waited_for, page); /* the results will find another page there */
    (void)capos_virtual_memory_unmap(memory, hole_address(turn), CAPOS_PAGE_SIZE);
    await_flag(0);
    lower_flags();
    map(BLOCK, BLOCK_BYTES);
    touch(BLOCK, BLOCK_BYTES);
    capos_cap_t filler = start("filler", turn, waited_for);
    await_flag(0);
    bool is_right = capos_virtual_memory_unmap(memory, BLOCK - 4 * CAPOS_PAGE_SIZE,
                                               BLOCK_BYTES + 8 * CAPOS_PAGE_SIZE) == CAPOS_OK;
    is_right &= child_has_ended(filler, CAPOS_PROCESS_EXIT_REASON_EXITED);
    is_right &= capos_ring_enter(&ring, 1, CAPOS_FOREVER) == 1;
    is_right &= capos_ring_take(&ring, &completion) && completion.result == CAPOS_OK;
    is_right &= kind_at(memory, hole_address(turn)) == CAPOS_VIRTUAL_MEMORY_KIND_ANONYMOUS;
    is_right = is_right && page->root == CAPOS_PROCESS_WAIT_RESULTS_ROOT &&
               page->reason == CAPOS_PROCESS_EXIT_REASON_KILLED;
    (void)capos_release(waited_for);
    (void)capos_virtual_memory_unmap(memory, hole_address(turn), CAPOS_PAGE_SIZE);
    return is_right;
}

/*
 * A process is killed while it touches memory that three others take from it all the time: one
 * decommits a half, two unmap and map the other half and are in each other's way. Its space may be
 * torn down only when none of them is in it any more.
 */

static int play_taker(uint64_t number) {
    capos_cap_t parents = capos_lookup("parents-memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    uint64_t upper = BLOCK + BLOCK_BYTES / 2, address;
    raise_flag(number);
    for (;;) {
        if (number == 0) {
            (void)capos_virtual_memory_decommit(parents, BLOCK, BLOCK_BYTES / 2);
        } else {
            (void)capos_virtual_memory_unmap(parents, upper, BLOCK_BYTES / 2);
            (void)capos_virtual_memory_map(parents, upper, BLOCK_BYTES / 2, READ_WRITE, &address);
        }
        race_pause();
    }
}

static int play_owner(uint64_t number) {
    (void)number;
    enum { TAKERS = 3 };
    map(BLOCK, BLOCK_BYTES);
    touch(BLOCK, BLOCK_BYTES);
    lower_flags();
    for (unsigned index = 0; index < TAKERS; index++) {
        (void)start("taker", index, CAPOS_CAP_NONE);
    }
    await_flag(0);
    raise_flag(0);
    for (;;) {
        touch(BLOCK, BLOCK_BYTES / 2);
        race_pause();
    }
}

static bool kill_owner(unsigned turn) {
    (void)turn;
    lower_flags();
    capos_cap_t owner = start("owner", 0, CAPOS_CAP_NONE);
    await_flag(0);
    race_spin(race_draw(100000));
    return child_is_killed(owner);
}

/*
 * Frames change hands: a child decommits pages that we write to, and another takes the frames and
 * gives them back. A frame may not be given to anybody before all CPUs have forgotten where it was;
 * else we would read what the other wrote, or it what we wrote.
 */

#define OURS UINT64_C(0x1111111111111111)
#define THEIRS UINT64_C(0x2222222222222222)
#define SWEEPS 100u

static volatile uint64_t *word_of_page(unsigned page) {
    return (volatile uint64_t *)(uintptr_t)(BLOCK + page * CAPOS_PAGE_SIZE);
}

static int play_emptier(uint64_t number) {
    (void)number;
    capos_cap_t parents = capos_lookup("parents-memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    raise_flag(0);
    for (;;) {
        (void)capos_virtual_memory_decommit(parents, BLOCK, PAGES_BYTES);
        race_pause();
    }
}

static int play_user(uint64_t number) {
    (void)number;
    map(BLOCK, PAGES_BYTES);
    raise_flag(1);
    for (unsigned sweep = 0; sweep < SWEEPS; sweep++) {
        race_pause();
        for (unsigned page = 0; page < PAGES; page++) {
            *word_of_page(page) = THEIRS;
        }
        for (unsigned page = 0; page < PAGES; page++) {
            if (*word_of_page(page) != THEIRS) {
                return 1;
            }
        }
        if (capos_virtual_memory_decommit(memory, BLOCK, PAGES_BYTES) != CAPOS_OK) {
            return 2;
        }
    }
    return 0;
}

static bool share_frames(unsigned turn) {
    (void)turn;
    lower_flags();
    map(BLOCK, PAGES_BYTES);
    capos_cap_t emptier = start("emptier", 0, CAPOS_CAP_NONE);
    capos_cap_t user = start("user", 0, CAPOS_CAP_NONE);
    await_flag(0);
    await_flag(1);
    bool is_right = true;
    for (unsigned sweep = 0; sweep < SWEEPS; sweep++) {
        race_pause();
        for (unsigned page = 0; page < PAGES; page++) {
            *word_of_page(page) = OURS;
        }
        for (unsigned page = 0; page < PAGES; page++) {
            uint64_t found = *word_of_page(page);
            is_right &= found == OURS || found == 0;
        }
    }
    is_right &= child_has_ended(user, CAPOS_PROCESS_EXIT_REASON_EXITED);
    is_right &= child_is_killed(emptier);
    (void)capos_virtual_memory_unmap(memory, BLOCK, PAGES_BYTES);
    return is_right;
}

/*
 * Several threads are woken at once, by the end of what they wait for, while one CPU is idle and
 * another is busy with a thread that never leaves it, alone until now and so without a time slice.
 * Those that last ran on the busy one must have their turn, although the idle one is told first.
 */

enum { WAITERS = 6, BURNERS = 2, WOKEN = WAITERS, BURNS = 2 * WAITERS }; /* also flags */

_Noreturn static void burn(void) {
    for (;;) {
        race_spin(1000);
    }
}

static int play_waiter(uint64_t number) {
    struct capos_process_wait_results end;
    raise_flag(number);
    (void)capos_process_wait(capos_lookup("process", CAPOS_PROCESS_INTERFACE), &end);
    raise_flag(WOKEN + number);
    burn();
}

static int play_burner(uint64_t number) {
    raise_flag(BURNS + number);
    burn();
}

static bool wake_many(unsigned turn) {
    capos_cap_t children[WAITERS + BURNERS];
    (void)turn;
    lower_flags();
    capos_cap_t waited_for = start("forever", 0, CAPOS_CAP_NONE);
    for (unsigned index = 0; index < WAITERS; index++) {
        children[index] = start("waiter", index, waited_for);
        await_flag(index);
    }
    for (unsigned index = 0; index < BURNERS; index++) {
        children[WAITERS + index] = start("burner", index, CAPOS_CAP_NONE);
        await_flag(BURNS + index);
    }
    bool is_right = child_is_killed(waited_for);
    for (unsigned index = 0; index < WAITERS; index++) {
        await_flag(WOKEN + index);
    }
    for (unsigned index = 0; index < WAITERS + BURNERS; index++) {
        is_right &= child_is_killed(children[index]);
    }
    return is_right;
}

/* All of them. */

static int play_stirrer(uint64_t seed) {
    race_state = seed;
    race_stir(timer);
}

static int play_forever(uint64_t number) {
    (void)number;
    (void)capos_ring_enter(&ring, 1, CAPOS_FOREVER);
    return 1; /* not reached */
}

static int play(const char *part, uint64_t number) {
    static const struct {
        const char *name;
        int (*play)(uint64_t number);
    } parts[] = {
        {"forever", play_forever}, {"sleeper", play_sleeper}, {"leaf", play_leaf},
        {"branch", play_branch},   {"filler", play_filler},   {"owner", play_owner},
        {"taker", play_taker},     {"emptier", play_emptier}, {"user", play_user},
        {"waiter", play_waiter},   {"burner", play_burner},   {"stirrer", play_stirrer},
    };
    for (unsigned index = 0; index < sizeof parts / sizeof *parts; index++) {
        if (strcmp(part, parts[index].name) == 0) {
            return parts[index].play(number);
        }
    }
    return 98;
}

int main(int argc, char **argv) {
    capos_ring_open(&ring);
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    spawner = capos_lookup("spawner", CAPOS_PROCESS_SPAWNER_INTERFACE);
    timer = capos_lookup("timer", CAPOS_TIMER_INTERFACE);
    long long number = 0;
    if (argc > 2) {
        return capos_parse_integer(argv[2], &number) ? play(argv[1], (uint64_t)number) : 99;
    }
    race_seed(argc, argv);
    capos_cap_t stirrer = start("stirrer", race_state, CAPOS_CAP_NONE);
    race_run("a kill reaches who is about to sleep", kill_sleeper, 80);
    race_run("a parent ends as its child does", end_trees, 20);
    race_run("a page mapped within an unmap stays", fill_hole, 8);
    race_run("a space ends while others change it", kill_owner, 12);
    race_run("a frame has one user at a time", share_frames, 1);
    race_run("all that are woken at once run", wake_many, 2);
    CHECK(child_is_killed(stirrer));
    return tap_finish();
}
