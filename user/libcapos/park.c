#include "capos/park.h"

#include "capos/note.h"
#include "capos/park_space.h"
#include "capos/start.h"
#include "user/libcapos/internal.h"

capos_cap_t capos_park_space_found;

/* Whoever looks finds the same, so that it does not matter who writes it last. */
capos_cap_t park_space_if_granted(void) {
    capos_cap_t found = __atomic_load_n(&capos_park_space_found, __ATOMIC_RELAXED);
    if (found == CAPOS_CAP_NONE) {
        found = capos_lookup("park", CAPOS_PARK_SPACE_INTERFACE);
        __atomic_store_n(&capos_park_space_found, found, __ATOMIC_RELAXED);
    }
    return found;
}

capos_cap_t capos_park_space_find(void) {
    CAPOS_REQUIRE_HERE("park", PARK_SPACE);
    return park_space_if_granted();
}
