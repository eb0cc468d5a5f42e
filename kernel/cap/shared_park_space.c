#include "shared_park_space.h"

#include "kernel/cap/call.h"
#include "kernel/cap/object.h"

/* What it allows follows from the objects that a process has mapped, so one serves everybody. */
static const struct object_type shared_park_space_type = {"SharedParkSpace", NULL};
static struct object shared_park_space = {&shared_park_space_type, 1};

status_t shared_park_space_grant(struct process *process, struct object *source,
                                 uint64_t source_badge, struct wire_text facet,
                                 struct object **object_out, uint64_t *badge_out) {
    if (facet.length != 0) {
        return CAPOS_E_NOT_PERMITTED;
    }
    *object_out = object_ref(&shared_park_space);
    *badge_out = 0;
    return CAPOS_OK;
}
