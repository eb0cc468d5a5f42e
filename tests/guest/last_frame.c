// grants: console,memory
// options: --memory 16M
// expect: fault 14
// cpus: any

/*
 * A program takes the machine's last frame. Its next touch is its own fault, and everything else
 * goes on: init tells how it ended, and the kernel finds the ledger at zero.
 */
#include <capos/capos.h>
#include <capos/protection.h>
#include <capos/virtual_memory.h>

#define MORE_THAN_THERE_IS (UINT64_C(1) << 30)

int main(void) {
    capos_cap_t memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    uint64_t address;
    int64_t result = capos_virtual_memory_map(
        memory, 0, MORE_THAN_THERE_IS, CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE, &address);
    if (result != CAPOS_OK) {
        capos_printf("map: %s\n", capos_error_name(result));
        return 1;
    }
    for (uint64_t offset = 0; offset < MORE_THAN_THERE_IS; offset += CAPOS_PAGE_SIZE) {
        *(volatile uint8_t *)(address + offset) = 1;
    }
    return 2;
}
