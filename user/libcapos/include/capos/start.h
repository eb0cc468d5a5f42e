#pragma once
/* What the process was born with: its start page and the capabilities named there. */
#include <stdint.h>

#include "capos/abi.h"
#include "capos/linkage.h"

CAPOS_LINKAGE_BEGIN

/* Set before constructors run; read-only, valid for the life of the process. */
extern const struct capos_start *capos_start_page;

/* argv[0], or "program" when there is none. */
extern const char *capos_program_name;

/*
 * The capability that was granted under this name, if it is of this interface (0: any); with a name
 * of NULL the first one of the interface. CAPOS_CAP_NONE when there is none.
 */
capos_cap_t capos_lookup(const char *name, uint64_t interface);

/* The CapSet in order: index < capos_start_page->capset_count. */
const struct capos_capset_entry *capos_capset_entry(uint32_t index);
const char *capos_capset_name(uint32_t index);

CAPOS_LINKAGE_END
