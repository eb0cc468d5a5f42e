/* The other process of yield_2processes: yields until it is killed. */
#include <capos/capos.h>

int main(void) {
    capos_cap_t thread_control = capos_lookup("thread-control", CAPOS_THREAD_CONTROL_INTERFACE);
    for (;;) {
        if (capos_thread_control_yield(thread_control) != 0) {
            return 1;
        }
    }
}
