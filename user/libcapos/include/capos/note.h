#pragma once
/*
 * What a program needs, said in its ELF notes, so that `capos run` can refuse it before boot and
 * name the flag to add. The client stubs note what they use; these macros declare what must be
 * granted, under which name.
 *
 *   CAPOS_REQUIRE("timer", TIMER);           at file scope: the program as a whole needs it
 *   CAPOS_REQUIRE_HERE("console", CONSOLE);  inside a function: needed if the linker keeps the
 *                                            function (ld --gc-sections)
 *
 * The second word is the interface as in CAPOS_TIMER_INTERFACE. A name has at most 31 bytes.
 */
#include <stdint.h>

#include "capos/abi.h"

#define CAPOS_NOTE_GRANT_BYTES 32

struct capos_require_note {
    uint32_t name_size, descriptor_size, type;
    char name[8];
    uint64_t interface;
    char grant[CAPOS_NOTE_GRANT_BYTES];
} __attribute__((packed));
_Static_assert(sizeof(struct capos_require_note) == 60, "a note: header, name, descriptor");

#define CAPOS_NOTE_CONCAT_(left, right) left##right
#define CAPOS_NOTE_CONCAT(left, right) CAPOS_NOTE_CONCAT_(left, right)

#define CAPOS_REQUIRE(grant_name, INTERFACE)                                                       \
    static const struct capos_require_note CAPOS_NOTE_CONCAT(capos_require_, __COUNTER__)          \
        __attribute__((used, section(".note.capos"), aligned(4))) = {                              \
            .name_size = sizeof CAPOS_NOTE_NAME,                                                   \
            .descriptor_size = sizeof(uint64_t) + CAPOS_NOTE_GRANT_BYTES,                          \
            .type = CAPOS_NOTE_REQUIRES,                                                           \
            .name = CAPOS_NOTE_NAME,                                                               \
            .interface = CAPOS_##INTERFACE##_INTERFACE,                                            \
            .grant = grant_name,                                                                   \
    }

/* SHF_LINK_ORDER ("o") ties the note to the section that holds the code around it: both are kept,
 * or neither. */
#define CAPOS_REQUIRE_HERE(grant_name, INTERFACE)                                                  \
    __asm__ volatile(".Lcapos_require%=:\n"                                                        \
                     ".pushsection .note.capos,\"ao\",@note,.Lcapos_require%=\n"                   \
                     ".balign 4\n"                                                                 \
                     ".long 6, 40, %c1\n"                                                          \
                     ".asciz \"" CAPOS_NOTE_NAME "\"\n"                                            \
                     ".balign 4\n"                                                                 \
                     ".quad %c0\n"                                                                 \
                     ".Lcapos_require_grant%=:\n"                                                  \
                     ".asciz \"" grant_name "\"\n"                                                 \
                     ".zero 32 - (. - .Lcapos_require_grant%=)\n"                                  \
                     ".popsection"                                                                 \
                     :                                                                             \
                     : "i"(CAPOS_##INTERFACE##_INTERFACE), "i"(CAPOS_NOTE_REQUIRES))
