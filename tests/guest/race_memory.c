// grants: default,spawner
// seed: 1
// cpus: any
// also: --icount

/*
 * Changes of memory against its use by another thread, and by the kernel on that thread's behalf.
 * After a page is taken away nobody reads or writes through the old translation, on any CPU: what
 * gets the frame next would tell.
 */
#include "tests/guest/duel.h"

#define READ CAPOS_PROTECTION_READ
#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)
#define PAGE CAPOS_PAGE_SIZE
#define PAGES 16u
#define BLOCK UINT64_C(0x200000000) /* what both work on */
#define OTHER UINT64_C(0x300000000) /* the first thread's own */
#define BLOCK_BYTES (PAGES * PAGE)
#define OURS UINT64_C(0x1111111111111111)
#define THEIRS UINT64_C(0x2222222222222222)
#define TURNS 40u
#define SWEEPS 2u

static capos_cap_t memory, entropy;
static bool is_right;
static int64_t results[2];

static int64_t map(uint64_t at) {
    uint64_t address;
    return capos_virtual_memory_map(memory, at, BLOCK_BYTES, READ_WRITE, &address);
}

static int64_t unmap(uint64_t at) {
    return capos_virtual_memory_unmap(memory, at, BLOCK_BYTES);
}

static volatile uint64_t *word(uint64_t block, uint64_t page) {
    return (volatile uint64_t *)(uintptr_t)(block + page * PAGE);
}

static void expect(bool condition) {
    is_right = is_right && condition;
}

/* Takes the frames that are free by now, and looks whether somebody else still writes to them. */
static void use_free_frames(void) {
    expect(map(OTHER) == CAPOS_OK);
    for (uint64_t page = 0; page < PAGES && is_right; page++) {
        *word(OTHER, page) = OURS;
    }
    race_spin(100);
    for (uint64_t page = 0; page < PAGES && is_right; page++) {
        expect(*word(OTHER, page) == OURS);
    }
    expect(unmap(OTHER) == CAPOS_OK);
}

static void make_ready(void) {
    is_right = true;
    expect(map(BLOCK) == CAPOS_OK);
}

static bool is_done(void) {
    expect(unmap(BLOCK) == CAPOS_OK);
    return is_right;
}

/* The second thread writes; the first takes the pages from under it. */
static void write_words(void) {
    for (unsigned sweep = 0; sweep < SWEEPS; sweep++) {
        for (uint64_t page = 0; page < PAGES; page++) {
            *word(BLOCK, page) = THEIRS;
            uint64_t found = *word(BLOCK, page);
            if (found != THEIRS && found != 0) {
                results[1] = 1;
            }
        }
        race_pause();
    }
}

static void decommit_often(void) {
    for (unsigned sweep = 0; sweep < SWEEPS; sweep++) {
        expect(capos_virtual_memory_decommit(memory, BLOCK, BLOCK_BYTES) == CAPOS_OK);
        use_free_frames();
    }
}

static bool decommit_and_write(uint64_t number) {
    (void)number;
    make_ready();
    results[1] = 0;
    duel_go(decommit_often);
    expect(results[1] == 0);
    return is_done();
}

/* The kernel writes for the second thread; where there is nothing it says so. */
static void fill_words(void) {
    uint64_t count;
    for (uint64_t page = 0; page < PAGES; page++) {
        int64_t result = capos_entropy_source_fill(
            entropy, (void *)(uintptr_t)(BLOCK + page * PAGE + PAGE / 2), PAGE / 2, &count);
        if (result != CAPOS_OK && result != CAPOS_E_BAD_ADDRESS) {
            results[1] = result;
        }
        race_pause();
    }
}

static void unmap_often(void) {
    for (unsigned sweep = 0; sweep < SWEEPS; sweep++) {
        expect(unmap(BLOCK) == CAPOS_OK);
        use_free_frames();
        expect(map(BLOCK) == CAPOS_OK);
    }
}

static bool unmap_and_fill(uint64_t number) {
    (void)number;
    make_ready();
    results[1] = CAPOS_OK;
    duel_go(unmap_often);
    expect(results[1] == CAPOS_OK);
    return is_done();
}

/* What may only be read stays as it is. */
static void protect_often(void) {
    uint64_t before[PAGES];
    for (unsigned sweep = 0; sweep < SWEEPS; sweep++) {
        expect(capos_virtual_memory_protect(memory, BLOCK, BLOCK_BYTES, READ) == CAPOS_OK);
        for (uint64_t page = 0; page < PAGES; page++) {
            before[page] = *word(BLOCK + PAGE / 2, page);
        }
        race_spin(100);
        for (uint64_t page = 0; page < PAGES; page++) {
            expect(*word(BLOCK + PAGE / 2, page) == before[page]);
        }
        expect(capos_virtual_memory_protect(memory, BLOCK, BLOCK_BYTES, READ_WRITE) == CAPOS_OK);
    }
}

static bool protect_and_fill(uint64_t number) {
    (void)number;
    make_ready();
    results[1] = CAPOS_OK;
    duel_go(protect_often);
    expect(results[1] == CAPOS_OK);
    return is_done();
}

/* Both touch the same pages for the first time; there is one frame for both. */
static void touch(unsigned which) {
    for (uint64_t page = 0; page < PAGES; page++) {
        word(BLOCK, page)[which] = which + 1;
        race_spin(duel_delay % 5);
    }
}

static void touch_first(void) {
    touch(0);
}

static void touch_second(void) {
    touch(1);
}

static bool touch_together(uint64_t number) {
    (void)number;
    make_ready();
    duel_go(touch_first);
    for (uint64_t page = 0; page < PAGES; page++) {
        expect(word(BLOCK, page)[0] == 1 && word(BLOCK, page)[1] == 2);
    }
    struct capos_virtual_memory_query_results run = {0};
    expect(capos_virtual_memory_query(memory, BLOCK, &run) == CAPOS_OK);
    expect(run.resident_pages == PAGES);
    return is_done();
}

/* Both map at the same place: one of them has it. */
static void map_first(void) {
    results[0] = map(BLOCK);
}

static void map_second(void) {
    results[1] = map(BLOCK);
}

static bool map_together(uint64_t number) {
    (void)number;
    is_right = true;
    duel_go(map_first);
    expect((results[0] == CAPOS_OK && results[1] == CAPOS_E_EXISTS) ||
           (results[0] == CAPOS_E_EXISTS && results[1] == CAPOS_OK));
    return is_done();
}

/* Both unmap, the one a half and the other all. Whoever meets the other at it is told. */
static void unmap_all(void) {
    results[0] = unmap(BLOCK);
}

static void unmap_half(void) {
    results[1] = capos_virtual_memory_unmap(memory, BLOCK + BLOCK_BYTES / 4, BLOCK_BYTES / 2);
}

static bool unmap_together(uint64_t number) {
    struct capos_virtual_memory_query_results run = {0};
    (void)number;
    make_ready();
    write_words();
    duel_go(unmap_all);
    for (unsigned which = 0; which < 2; which++) {
        expect(results[which] == CAPOS_OK || results[which] == CAPOS_E_BUSY);
    }
    if (results[0] != CAPOS_OK) {
        expect(unmap(BLOCK) == CAPOS_OK);
    }
    expect(capos_virtual_memory_query(memory, BLOCK, &run) == CAPOS_OK);
    expect(run.kind == CAPOS_VIRTUAL_MEMORY_KIND_FREE);
    use_free_frames();
    return is_right;
}

static const struct duel duels[] = {
    {"decommit against writes", decommit_and_write, write_words, TURNS},
    {"unmap and map against the kernel's writes", unmap_and_fill, fill_words, TURNS},
    {"protect against the kernel's writes", protect_and_fill, fill_words, TURNS},
    {"touch against touch", touch_together, touch_second, TURNS},
    {"map against map", map_together, map_second, TURNS},
    {"unmap against unmap", unmap_together, unmap_half, TURNS},
};

int main(int argc, char **argv) {
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    entropy = capos_lookup("entropy", CAPOS_ENTROPY_SOURCE_INTERFACE);
    return duel_main(argc, argv, duels, sizeof duels / sizeof *duels);
}
