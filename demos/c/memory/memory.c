// grants: console,memory
// stdout: after decommit the page reads 0

/* Memory: addresses and the memory behind them are two things, asked for one after the other. */
#include <capos/capos.h>

#define MEBIBYTE UINT64_C(1048576)
#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)

CAPOS_REQUIRE("memory", VIRTUAL_MEMORY);

static capos_cap_t memory;

static void check(int64_t result, const char *what) {
    if (result != 0) {
        capos_printf_error("%s: %s\n", what, capos_error_name(result));
        capos_exit(1);
    }
}

static void show(const char *when, uint64_t address) {
    struct capos_virtual_memory_query_results run;
    check(capos_virtual_memory_query(memory, address, &run), "query");
    capos_printf("%s: %lu KiB at 0x%lx, %lu pages resident\n", when, run.size / 1024, run.start,
                 run.resident_pages);
}

int main(void) {
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    uint64_t address;

    check(capos_virtual_memory_reserve(memory, 0, 64 * MEBIBYTE, &address), "reserve");
    show("reserved", address);

    check(capos_virtual_memory_commit(memory, address, MEBIBYTE, READ_WRITE), "commit");
    volatile uint64_t *word = (volatile uint64_t *)address;
    capos_printf("a new page reads %lu\n", *word);
    *word = 42;
    show("committed, one page touched", address);

    check(capos_virtual_memory_decommit(memory, address, MEBIBYTE), "decommit");
    uint64_t value = *word;
    capos_printf("after decommit the page reads %lu\n", value);

    check(capos_virtual_memory_protect(memory, address, MEBIBYTE, CAPOS_PROTECTION_READ),
          "protect");
    check(capos_virtual_memory_unmap(memory, address, 64 * MEBIBYTE), "unmap");
    struct capos_virtual_memory_query_results run;
    check(capos_virtual_memory_query(memory, address, &run), "query");
    bool is_free = run.kind == CAPOS_VIRTUAL_MEMORY_KIND_FREE;
    capos_printf("unmapped: the addresses are %s\n", is_free ? "free again" : "still taken");
    return value == 0 && is_free ? 0 : 1;
}
