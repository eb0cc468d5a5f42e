// grants: console
// stdout: Hello from capOS

/* The first program. It needs one capability, "console", and nothing else: capos_print says so. */
#include <capos/capos.h>

int main(void) {
    capos_print("Hello from capOS\n");
    return 0;
}
