// grants: console,memory,spawner,system-info,entropy
// cpus: 1

/* Memory of one's own: mappings, reservations, protections, pages. */
#include "tests/faults/faults.h"

#define READ CAPOS_PROTECTION_READ
#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)
#define PAGE CAPOS_PAGE_SIZE
#define PAGES 8u
#define PARTS 160u /* enough that the kernel needs more memory to note them */
#define BLOCK UINT64_C(0x200000000)
#define BLOCK_BYTES (PAGES * PAGE)
#define GIB (UINT64_C(1) << 30)

static capos_cap_t memory;

static void touch(uint64_t at, uint64_t size) {
    for (uint64_t offset = 0; offset < size; offset += PAGE) {
        *(volatile uint64_t *)(at + offset) = at + offset;
    }
}

static bool is_touched(uint64_t at) {
    return *(volatile uint64_t *)at == at;
}

static struct capos_virtual_memory_query_results query(uint64_t at) {
    struct capos_virtual_memory_query_results run = {0};
    FAULTS_MUST(capos_virtual_memory_query(memory, at, &run));
    return run;
}

static void map(uint64_t size) {
    uint64_t address;
    FAULTS_MUST(capos_virtual_memory_map(memory, BLOCK, size, READ_WRITE, &address));
}

static void unmap(uint64_t size) {
    FAULTS_MUST(capos_virtual_memory_unmap(memory, BLOCK, size));
    FAULTS_CHECK(query(BLOCK).kind == CAPOS_VIRTUAL_MEMORY_KIND_FREE);
}

/* Scenarios. */

static void map_touch_unmap(void) {
    uint64_t address;
    faults_begin();
    if (FAULTS_MAY(capos_virtual_memory_map(memory, BLOCK, BLOCK_BYTES, READ_WRITE, &address))) {
        touch(BLOCK, BLOCK_BYTES);
        unmap(BLOCK_BYTES);
    } else {
        FAULTS_CHECK(query(BLOCK).kind == CAPOS_VIRTUAL_MEMORY_KIND_FREE);
    }
}

static void reserve_and_commit_parts(void) {
    uint64_t at;
    faults_begin();
    if (!FAULTS_MAY(capos_virtual_memory_reserve(memory, 0, 64 * GIB, &at))) {
        return;
    }
    for (uint64_t part = at + GIB; part < at + 4 * GIB; part += GIB) {
        if (!FAULTS_MAY(capos_virtual_memory_commit(memory, part, 2 * PAGE, READ_WRITE))) {
            FAULTS_CHECK(query(part).kind == CAPOS_VIRTUAL_MEMORY_KIND_RESERVED);
        } else {
            touch(part, 2 * PAGE);
            FAULTS_MUST(capos_virtual_memory_decommit(memory, part, 2 * PAGE));
        }
    }
    FAULTS_MUST(capos_virtual_memory_unmap(memory, at, 64 * GIB));
    FAULTS_CHECK(query(at).kind == CAPOS_VIRTUAL_MEMORY_KIND_FREE);
}

/* A refused change of a part leaves everything as it was. */
static void protect_parts(void) {
    map(2 * PARTS * PAGE);
    faults_begin();
    for (uint64_t at = BLOCK; at < BLOCK + 2 * PARTS * PAGE; at += 2 * PAGE) {
        bool is_done = FAULTS_MAY(capos_virtual_memory_protect(memory, at, PAGE, READ));
        FAULTS_CHECK(query(at).protection == (is_done ? READ : READ_WRITE));
        FAULTS_CHECK(query(at + PAGE).protection == READ_WRITE);
    }
    unmap(2 * PARTS * PAGE);
}

static void unmap_parts(void) {
    map(2 * PARTS * PAGE);
    touch(BLOCK, 2 * PARTS * PAGE);
    faults_begin();
    for (uint64_t at = BLOCK; at < BLOCK + 2 * PARTS * PAGE; at += 2 * PAGE) {
        if (!FAULTS_MAY(capos_virtual_memory_unmap(memory, at, PAGE))) {
            FAULTS_CHECK(is_touched(at));
        }
        FAULTS_CHECK(is_touched(at + PAGE));
    }
    unmap(2 * PARTS * PAGE);
}

static void decommit_and_touch(void) {
    map(BLOCK_BYTES);
    touch(BLOCK, BLOCK_BYTES);
    faults_begin();
    for (unsigned turn = 0; turn < 2; turn++) {
        FAULTS_MUST(capos_virtual_memory_decommit(memory, BLOCK, BLOCK_BYTES));
        FAULTS_CHECK(query(BLOCK).resident_pages == 0);
        touch(BLOCK, BLOCK_BYTES);
    }
    unmap(BLOCK_BYTES);
}

static void many_mappings(void) {
    bool is_there[PARTS];
    uint64_t address;
    faults_begin();
    for (uint64_t index = 0; index < PARTS; index++) {
        is_there[index] = FAULTS_MAY(
            capos_virtual_memory_map(memory, BLOCK + index * 2 * PAGE, PAGE, READ_WRITE, &address));
    }
    for (uint64_t index = 0; index < PARTS; index++) {
        if (is_there[index]) {
            FAULTS_MUST(capos_virtual_memory_unmap(memory, BLOCK + index * 2 * PAGE, PAGE));
        }
    }
}

/* Each page needs page tables of its own at every level. */
static void pages_far_apart(void) {
    static const uint64_t places[] = {BLOCK, UINT64_C(1) << 40, UINT64_C(3) << 40,
                                      (UINT64_C(3) << 40) + GIB};
    uint64_t address;
    faults_begin();
    for (size_t index = 0; index < sizeof places / sizeof *places; index++) {
        if (FAULTS_MAY(
                capos_virtual_memory_map(memory, places[index], PAGE, READ_WRITE, &address))) {
            touch(places[index], PAGE);
        }
    }
    FAULTS_MUST(capos_virtual_memory_unmap(memory, BLOCK, (UINT64_C(4) << 40) - BLOCK));
}

/* The kernel is the first to touch the pages. */
static void copy_to_untouched(void) {
    uint64_t count = 0;
    capos_cap_t entropy = capos_lookup("entropy", CAPOS_ENTROPY_SOURCE_INTERFACE);
    map(BLOCK_BYTES);
    faults_begin();
    for (uint64_t at = BLOCK + PAGE / 2; at < BLOCK + BLOCK_BYTES - PAGE; at += PAGE) {
        if (FAULTS_MAY(capos_entropy_source_fill(entropy, (void *)at, PAGE, &count))) {
            FAULTS_CHECK(count == PAGE && query(at).resident_pages >= 2);
        }
    }
    unmap(BLOCK_BYTES);
}

/* Large pages may be refused; to take one apart must not be. */
static void large_pages(void) {
    const uint64_t size = 512 * PAGE;
    uint64_t address;
    FAULTS_MUST(capos_virtual_memory_map(memory, BLOCK, size, READ_WRITE | CAPOS_PROTECTION_LARGE,
                                         &address));
    faults_begin();
    touch(BLOCK, BLOCK_BYTES);
    bool is_large = query(BLOCK).page_size == size;
    FAULTS_CHECK(query(BLOCK).resident_pages == (is_large ? 512 : PAGES));
    FAULTS_MUST(capos_virtual_memory_decommit(memory, BLOCK + PAGE, PAGE));
    FAULTS_CHECK(query(BLOCK).page_size == PAGE && is_touched(BLOCK));
    unmap(size);
}

static void allocate_from_heap(void) {
    enum { BLOCKS = 4 };
    void *blocks[BLOCKS];
    faults_begin();
    for (unsigned index = 0; index < BLOCKS; index++) {
        blocks[index] = capos_malloc(1 << 18);
    }
    for (unsigned index = 0; index < BLOCKS; index++) {
        capos_free(blocks[index]);
    }
}

static const struct faults_scenario scenarios[] = {
    {"map, touch, unmap", map_touch_unmap},
    {"reserve, commit and decommit parts", reserve_and_commit_parts},
    {"protect parts of a mapping", protect_parts},
    {"unmap parts of a mapping", unmap_parts},
    {"decommit, then touch again", decommit_and_touch},
    {"many mappings", many_mappings},
    {"pages far apart", pages_far_apart},
    {"the kernel writes to pages that nobody has touched", copy_to_untouched},
    {"large pages", large_pages},
    {"the heap grows", allocate_from_heap},
};

int main(int argc, char **argv) {
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    return faults_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
