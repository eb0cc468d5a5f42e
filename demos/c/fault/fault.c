// grants: console
// expect: fault 14
// stdout: about to follow a null pointer

/* A crash, to see its report: which fault, at which address, in which function and line. */
#include <capos/capos.h>

struct order {
    int count;
};

__attribute__((noinline)) static int read_count(const volatile struct order *order) {
    return order->count;
}

int main(void) {
    capos_print("about to follow a null pointer\n");
    int count = read_count(NULL);
    capos_printf("not reached: %d\n", count);
    return 0;
}
