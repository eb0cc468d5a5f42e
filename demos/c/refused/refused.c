// grants: console
// stdout: Timer: not granted. To grant it, run with --grant console,timer
// stdout: made-up id: badCapability

/*
 * What happens without a capability. There is no clock to ask and no way around that: what was not
 * granted cannot be named, and an id that was made up opens nothing.
 */
#include <capos/capos.h>

int main(void) {
    uint64_t now_ns = 0;

    capos_cap_t timer = capos_lookup("timer", CAPOS_TIMER_INTERFACE);
    if (timer == CAPOS_CAP_NONE) {
        capos_print("Timer: not granted. To grant it, run with --grant console,timer\n");
    } else if (capos_timer_now(timer, &now_ns) == 0) {
        capos_printf("Timer: granted. The machine has run for %lu ms\n", now_ns / 1000000);
    }

    capos_cap_t made_up = UINT64_C(0x123456789) << 8 | 3;
    int64_t result = capos_timer_now(made_up, &now_ns);
    capos_printf("made-up id: %s\n", capos_error_name(result));
    return result == CAPOS_E_BAD_CAPABILITY ? 0 : 1;
}
