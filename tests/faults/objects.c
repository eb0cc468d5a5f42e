// grants: console,memory,spawner,system-info,entropy
// cpus: 1

/* Memory objects: making, mapping, cloning, writing to what is shared, handing on. */
#include "tests/faults/faults.h"

#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)
#define PAGE ((uint64_t)CAPOS_PAGE_SIZE)
#define PAGES 6u
#define FAR 300000u /* a page for which the object's table has nodes of its own at every level */
#define PARTS 160u  /* enough that the kernel needs more memory to note them */

static capos_cap_t memory;

static volatile uint64_t *word(uint64_t address, uint64_t page) {
    return (volatile uint64_t *)(uintptr_t)(address + page * PAGE);
}

static bool create(uint64_t pages, capos_cap_t *object) {
    return FAULTS_MAY(capos_virtual_memory_create_object(memory, pages * PAGE, object));
}

static bool map(capos_cap_t object, uint64_t page, uint64_t pages, uint64_t flags,
                uint64_t *address) {
    return FAULTS_MAY(
        capos_memory_object_map(object, 0, page * PAGE, pages * PAGE, READ_WRITE, flags, address));
}

static void unmap(uint64_t address, uint64_t pages) {
    FAULTS_MUST(capos_virtual_memory_unmap(memory, address, pages * PAGE));
}

/* What a scenario begins with: an object of which every page holds its number, and one mapping. */
static void prepare(capos_cap_t *object, uint64_t *address) {
    FAULTS_MUST(capos_virtual_memory_create_object(memory, PAGES * PAGE, object));
    FAULTS_MUST(capos_memory_object_map(*object, 0, 0, PAGES * PAGE, READ_WRITE, 0, address));
    for (uint64_t page = 0; page < PAGES; page++) {
        *word(*address, page) = page;
    }
}

/* Scenarios. */

static void create_map_touch(void) {
    capos_cap_t object;
    uint64_t address;
    faults_begin();
    if (!create(FAR + PAGES, &object)) {
        return;
    }
    for (uint64_t page = 0; page <= FAR; page += FAR) {
        if (map(object, page, PAGES, 0, &address)) {
            for (uint64_t i = 0; i < PAGES; i++) {
                *word(address, i) = i;
            }
            FAULTS_MUST(capos_memory_object_unmap(object, address, PAGES * PAGE));
        }
    }
    FAULTS_MUST(capos_release(object));
}

static void clone_and_write(void) {
    capos_cap_t object, clone, second;
    uint64_t address, cloned;
    prepare(&object, &address);
    faults_begin();
    if (FAULTS_MAY(capos_memory_object_clone(object, &clone))) {
        *word(address, 1) = 11;
        if (map(clone, 0, PAGES, 0, &cloned)) {
            *word(cloned, 2) = 22;
            FAULTS_CHECK(*word(cloned, 1) == 1 && *word(address, 2) == 2);
            if (FAULTS_MAY(capos_memory_object_clone(clone, &second))) {
                *word(cloned, 2) = 222;
                FAULTS_MUST(capos_release(second));
            }
            unmap(cloned, PAGES);
        }
        FAULTS_MUST(capos_release(clone));
    }
    *word(address, 1) += 1;
    FAULTS_MUST(capos_release(object));
    FAULTS_CHECK(*word(address, 3) == 3);
    unmap(address, PAGES);
}

static void write_privately(void) {
    capos_cap_t object;
    uint64_t address, own;
    prepare(&object, &address);
    faults_begin();
    if (map(object, 0, PAGES, CAPOS_MAP_PRIVATE, &own)) {
        for (uint64_t page = 0; page < PAGES; page++) {
            FAULTS_CHECK(page % 2 == 0 || *word(own, page) == page);
            *word(own, page) = 100 + page;
            FAULTS_CHECK(*word(address, page) == page);
        }
        unmap(own + PAGE, 1);
        FAULTS_CHECK(*word(own, 2) == 102);
        unmap(own, PAGES);
    }
    unmap(address, PAGES);
    FAULTS_MUST(capos_release(object));
}

/* The kernel is the first to write to what is shared. */
static void copy_to_shared(void) {
    capos_cap_t object, clone, entropy = capos_lookup("entropy", CAPOS_ENTROPY_SOURCE_INTERFACE);
    uint64_t address, own, count;
    prepare(&object, &address);
    FAULTS_MUST(capos_memory_object_clone(object, &clone));
    faults_begin();
    if (map(object, 0, PAGES, CAPOS_MAP_PRIVATE, &own)) {
        for (uint64_t page = 0; page < PAGES - 1; page++) {
            uint64_t at = page * PAGE + PAGE / 2;
            (void)FAULTS_MAY(
                capos_entropy_source_fill(entropy, (void *)(address + at), PAGE / 2, &count));
            (void)FAULTS_MAY(
                capos_entropy_source_fill(entropy, (void *)(own + at), PAGE / 2, &count));
            FAULTS_CHECK(*word(address, page) == page && *word(own, page) == page);
        }
        unmap(own, PAGES);
    }
    FAULTS_MUST(capos_release(clone));
    FAULTS_MUST(capos_release(object));
    unmap(address, PAGES);
}

static void map_often(void) {
    capos_cap_t object;
    uint64_t address, addresses[PARTS];
    prepare(&object, &address);
    faults_begin();
    for (uint64_t i = 0; i < PARTS; i++) {
        if (!map(object, i % PAGES, 1, i % 2 == 0 ? 0 : CAPOS_MAP_PRIVATE, &addresses[i])) {
            addresses[i] = 0;
        }
    }
    for (uint64_t i = 0; i < PARTS; i++) {
        if (addresses[i] != 0) {
            unmap(addresses[i], 1);
        }
    }
    unmap(address, PAGES);
    FAULTS_MUST(capos_release(object));
}

static void hand_on(void) {
    capos_cap_t object, read_only, clone;
    uint64_t address;
    prepare(&object, &address);
    faults_begin();
    if (FAULTS_MAY(capos_memory_object_read_only(object, &read_only))) {
        if (FAULTS_MAY(capos_read_only_memory_clone(read_only, &clone))) {
            FAULTS_MUST(capos_release(clone));
        }
        const struct capos_spawn_grant grants[] = {
            {"object", object, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
            {"read-only", read_only, CAPOS_SPAWN_GRANT_MODE_MOVE, NULL}};
        struct child child = {.words = {"nothing"}, .grants = grants, .grant_count = 2};
        capos_cap_t process;
        uint32_t detail;
        if (FAULTS_MAY(child_spawn(&child, &process, &detail))) {
            struct capos_process_wait_results end = {0};
            (void)FAULTS_MAY(capos_process_wait(process, &end));
            FAULTS_MUST(capos_release(process));
        } else {
            FAULTS_MUST(capos_release(read_only));
        }
    }
    unmap(address, PAGES);
    FAULTS_MUST(capos_release(object));
}

static const struct faults_scenario scenarios[] = {
    {"create, map, touch", create_map_touch},
    {"clone, then both write", clone_and_write},
    {"write to a private mapping", write_privately},
    {"the kernel writes to what is shared", copy_to_shared},
    {"many mappings of one object", map_often},
    {"hand an object on", hand_on},
};

int main(int argc, char **argv) {
    if (argc == 2) {
        return 0; /* what hand_on has spawned */
    }
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    return faults_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
