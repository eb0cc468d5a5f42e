// grants: console
// cpus: 1
// expect: fault 6

/*
 * The stack protector: a function that has written past its array never returns. Its guard is a
 * word from the random bytes of the start page, and libcapos ends the program by an invalid
 * instruction.
 */
#include <capos/capos.h>

extern const uint64_t __stack_chk_guard;

/* The compiler must not see how much is written. */
static void fill(volatile char *bytes, size_t size) {
    for (size_t index = 0; index < size; index++) {
        bytes[index] = 'x';
    }
}

__attribute__((noinline)) static int overflow(size_t size) {
    char bytes[24];
    fill(bytes, size);
    return bytes[23];
}

int main(int argc, char **argv) {
    uint64_t first;
    memcpy(&first, capos_start_page->random, sizeof first);
    bool is_seeded = __stack_chk_guard == (first & ~UINT64_C(0xff)) && __stack_chk_guard != 0;
    capos_printf("1..2\n%s 1 - the guard is random\n", is_seeded ? "ok" : "not ok");
    bool is_kept = overflow(24) == 'x';
    capos_printf("%s 2 - what fits does no harm\n", is_kept ? "ok" : "not ok");
    /* The guard is next to the array, and 8 bytes hit nothing else. */
    return overflow(24 + 8 * (size_t)argc);
}
