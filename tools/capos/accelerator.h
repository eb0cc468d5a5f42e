#pragma once
/*
 * Which accelerator really works here. A /dev/kvm that exists may still hang, so it is tried: the
 * kernel and init beside this tool are booted once under KVM, on two CPUs, and must come to an
 * orderly end within two seconds. The verdict is kept under ${XDG_CACHE_HOME:-~/.cache}/capos until
 * the host boots again.
 */
#include "tools/capos/machine.h"

struct accelerator_verdict {
    enum accelerator accelerator;
    const char *reason; /* why not KVM; NULL when it is */
    bool is_new;        /* tried just now, not remembered */
};

/* asked is what the user chose; CAPOS_ACCEL=tcg|kvm comes next; then the trial decides. */
struct accelerator_verdict accelerator_choose(enum accelerator asked);
