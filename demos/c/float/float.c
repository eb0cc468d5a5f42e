// grants: console
// stdout: all registers kept
// cpus: any
// also: --cpu qemu64

/*
 * Floating point is every program's: the x87 control word, MXCSR and each vector register stay as
 * they are while other programs and the kernel run.
 *
 *   float [SEED [ROUNDS]]
 */
#include <capos/capos.h>

#include "state.h"

int main(int argc, char **argv) {
    long long seed = 1, rounds = 100;
    if ((argc > 1 && !capos_parse_integer(argv[1], &seed)) ||
        (argc > 2 && !capos_parse_integer(argv[2], &rounds))) {
        capos_print_error("float: SEED and ROUNDS are whole numbers\n");
        return 2;
    }
    bool is_kept = state_is_kept((uint64_t)seed, (uint64_t)rounds);
    capos_printf("seed %lld, %lld rounds, 16 registers of %u bits\n", seed, rounds,
                 state_is_wide() ? 256 : 128);
    capos_print(is_kept ? "all registers kept\n" : "a register changed\n");
    return is_kept ? 0 : 1;
}
