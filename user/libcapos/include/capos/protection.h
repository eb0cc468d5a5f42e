#pragma once
/* The bits of a protection, as VirtualMemory takes and tells them. */
enum {
    CAPOS_PROTECTION_NONE = 0,
    CAPOS_PROTECTION_READ = 1 << 0,
    CAPOS_PROTECTION_WRITE = 1 << 1, /* with READ, and never with EXECUTE */
    CAPOS_PROTECTION_EXECUTE = 1 << 2,
    CAPOS_PROTECTION_LARGE = 1 << 3, /* pages of 2 MiB where they fit; allows nothing by itself */
};
