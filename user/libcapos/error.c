#include "capos/print.h"

/* One name for each error of the schema, by minus its code; user/module.mk makes the list. */
static const char *const names[] = {
#include "error_names.inc"
};

const char *capos_error_name(int64_t result) {
    uint64_t code = -(uint64_t)result;
    return code < sizeof names / sizeof *names ? names[code] : "unknown error";
}
