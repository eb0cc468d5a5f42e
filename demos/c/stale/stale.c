// grants: console,timer
// stdout: after its release: badCapability

/* An id that was given up is refused for ever, even when its slot in the table is used again. */
#include <capos/capos.h>

CAPOS_REQUIRE("timer", TIMER);

int main(void) {
    uint64_t now_ns;
    capos_cap_t timer = capos_lookup("timer", CAPOS_TIMER_INTERFACE);
    capos_printf("before: %s\n", capos_error_name(capos_timer_now(timer, &now_ns)));
    capos_printf("release: %s\n", capos_error_name(capos_release(timer)));

    int64_t result = capos_timer_now(timer, &now_ns);
    capos_printf("after its release: %s\n", capos_error_name(result));
    return result == CAPOS_E_BAD_CAPABILITY ? 0 : 1;
}
