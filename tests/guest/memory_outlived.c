// grants: console,spawner,memory
// cpus: any
// seconds: 120

/*
 * VirtualMemory may be handed over and then governs its maker's space, which may be taken apart
 * just then: the maker ends while its child is in the midst of an unmap there. Neither the kernel
 * nor anybody's frames may suffer.
 */
#include "tests/guest/child.h"
#include "tests/guest/tap.h"

#define TURNS 40
#define LARGE UINT64_C(0x200000000) /* what the child unmaps while the maker ends */
#define LARGE_BYTES (UINT64_C(8) << 20)
#define SMALL UINT64_C(0x300000000) /* what it maps and unmaps again and again */
#define SMALL_BYTES (64 * UINT64_C(4096))
#define ASKED UINT64_C(0x400000000) /* what it asks about */
#define ASKED_BYTES (UINT64_C(2) << 20)
#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)
#define MAKER_WAITS_MAX 3000000

static capos_cap_t memory(void) {
    return capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
}

/* Changes the maker's space until the maker's end ends us. */
static int play_meddler(const char *turn) {
    uint64_t address;
    (void)capos_virtual_memory_unmap(memory(), LARGE, LARGE_BYTES);
    for (;;) {
        switch (turn[0] % 4) {
        case 0:
            (void)capos_virtual_memory_map(memory(), SMALL, SMALL_BYTES, READ_WRITE, &address);
            (void)capos_virtual_memory_unmap(memory(), SMALL, SMALL_BYTES);
            break;
        case 1: {
            struct capos_virtual_memory_query_results run;
            (void)capos_virtual_memory_query(memory(), ASKED, &run);
            break;
        }
        case 2:
            (void)capos_virtual_memory_protect(memory(), ASKED, ASKED_BYTES, READ_WRITE);
            break;
        default:
            (void)capos_virtual_memory_decommit(memory(), ASKED, ASKED_BYTES);
            break;
        }
    }
}

static bool map_and_touch(uint64_t at, uint64_t size) {
    uint64_t address;
    if (capos_virtual_memory_map(memory(), at, size, READ_WRITE, &address) != CAPOS_OK) {
        return false;
    }
    for (uint64_t offset = 0; offset < size; offset += CAPOS_PAGE_SIZE) {
        *(volatile uint8_t *)(address + offset) = 1;
    }
    return true;
}

static int play_maker(const char *turn) {
    long long number = 0;
    if (!capos_parse_integer(turn, &number) || !map_and_touch(LARGE, LARGE_BYTES) ||
        !map_and_touch(ASKED, ASKED_BYTES)) {
        return 2;
    }
    const struct capos_spawn_grant grants[] = {
        {"memory", memory(), CAPOS_SPAWN_GRANT_MODE_COPY, NULL}};
    struct child child = {.words = {"meddler", turn}, .grants = grants, .grant_count = 1};
    capos_cap_t process;
    uint32_t detail;
    if (child_spawn(&child, &process, &detail) != CAPOS_OK) {
        return 3;
    }
    for (volatile long long wait = number * 7919 % MAKER_WAITS_MAX; wait > 0; wait--) {
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 2) {
        return strcmp(argv[1], "maker") == 0 ? play_maker(argv[2]) : play_meddler(argv[2]);
    }
    unsigned right = 0;
    for (unsigned turn = 0; turn < TURNS; turn++) {
        char number[12];
        capos_format(number, sizeof number, "%u", turn % 4 * 1000 + turn);
        number[0] = (char)('0' + turn % 4);
        const struct capos_spawn_grant grants[] = {
            {"memory", memory(), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
            {"spawner", capos_lookup("spawner", 0), CAPOS_SPAWN_GRANT_MODE_COPY, NULL}};
        struct child child = {.words = {"maker", number}, .grants = grants, .grant_count = 2};
        struct capos_process_wait_results end = {0};
        int64_t result = child_run(&child, &end);
        bool is_right =
            result == CAPOS_OK && end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0;
        right += is_right;
        if (!is_right) {
            capos_printf("# turn %u: %s, reason %u, code %ld\n", turn, capos_error_name(result),
                         (unsigned)end.reason, end.code);
        }
    }
    CHECK_EQUAL(right, TURNS);
    return tap_finish();
}
