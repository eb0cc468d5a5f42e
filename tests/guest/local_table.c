// grants: console,memory,spawner
// also: --cpu qemu64
// cpus: any

/*
 * Selectors of a local descriptor table: there is none. At reset the CPU has one all the same, of
 * 64 KiB at address 0 (SDM volume 3, table 10-1), where a program may map what it likes, a gate
 * into the kernel's privilege for instance. Each case runs in a child, which must end by its own
 * fault.
 */
#include "tests/guest/child.h"
#include "tests/guest/tap.h"

#define TABLE UINT64_C(0x1000)                      /* the lowest page that a program can have */
#define SELECTOR(offset) ((uint16_t)((offset) | 7)) /* in the local table, for privilege 3 */
#define KERNEL_CODE UINT64_C(8)

/* What the gate leads to: tries a privileged instruction, and says so. */
__asm__(".pushsection .text.beyond_gate, \"ax\", @progbits\n"
        "beyond_gate:\n"
        "movq %cr0, %rax\n"
        "lretq\n"
        ".popsection");
extern const uint8_t beyond_gate[];

static uint64_t *map_table(void) {
    uint64_t address;
    int64_t result =
        capos_virtual_memory_map(capos_lookup("memory", 0), TABLE, CAPOS_PAGE_SIZE,
                                 CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE, &address);
    return result == 0 ? (uint64_t *)address : NULL;
}

/* A 64-bit call gate (SDM volume 3, 5.8.3.1) to beyond_gate with the kernel's code segment. */
static int play_gate(void) {
    volatile uint64_t *table = map_table();
    if (table == NULL) {
        return 0; /* no table, no gate */
    }
    uint64_t target = (uintptr_t)beyond_gate;
    table[0] = (target & 0xffff) | KERNEL_CODE << 16 | UINT64_C(0xec00) << 32 |
               (target >> 16 & 0xffff) << 48;
    table[1] = target >> 32;
    struct __attribute__((packed)) {
        uint32_t offset;
        uint16_t selector;
    } far = {0, SELECTOR(TABLE)};
    uint64_t control;
    __asm__ volatile("lcall *%1" : "=a"(control) : "m"(far) : "memory");
    return (control & 1) != 0 ? 99 : 98; /* CR0 was read */
}

/* A data segment with a base of its own, which would be the program's own way to change GS base. */
static int play_data(void) {
    volatile uint64_t *table = map_table();
    if (table == NULL) {
        return 0;
    }
    table[0] = UINT64_C(0x00cff3000000ffff) | UINT64_C(0x123456) << 16;
    __asm__ volatile("movl %0, %%gs" : : "r"((uint32_t)SELECTOR(TABLE)));
    return 97;
}

static void run(const char *part) {
    const struct capos_spawn_grant grants[] = {
        {"memory", capos_lookup("memory", 0), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL}};
    struct child child = {.words = {part}, .grants = grants, .grant_count = 1};
    struct capos_process_wait_results end = {0};
    CHECK_RESULT(child_run(&child, &end), CAPOS_OK);
    bool is_refused = end.reason == CAPOS_PROCESS_EXIT_REASON_FAULTED && end.vector == 13;
    tap_report(is_refused, part);
    if (!is_refused) {
        capos_printf("# reason %u, code %ld, vector %u, address 0x%lx\n", (unsigned)end.reason,
                     end.code, end.vector, end.address);
    }
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return argv[1][0] == 'g' ? play_gate() : play_data();
    }
    run("gate");
    run("data segment");
    return tap_finish();
}
