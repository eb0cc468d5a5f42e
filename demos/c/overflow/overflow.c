// grants: console
// expect: fault 14
// stdout: about to recurse without end

/* A stack that grows without end meets unmapped addresses below it: a fault, and nothing else. */
#include <capos/capos.h>

/* Each call needs the one before it to stay, so that no compiler can turn this into a loop. */
__attribute__((noinline)) static uint64_t recurse(volatile uint64_t *above, uint64_t depth_max) {
    volatile uint64_t here[8] = {*above + 1};
    return here[0] == depth_max ? 0 : recurse(here, depth_max) + here[0];
}

int main(void) {
    volatile uint64_t depth = 0;
    capos_print("about to recurse without end\n");
    return (int)recurse(&depth, UINT64_MAX);
}
