#pragma once
/* The exit codes of `capos run`. `capos explain CODE` says the same in words. */
enum {
    EXIT_CODE_PROGRAM_MAX = 123, /* 0 to this: the program's own */
    EXIT_CODE_TIMEOUT = 124,     /* --timeout passed first */
    EXIT_CODE_TOOL = 125,        /* the tool, the image or a grant is at fault; nothing was run */
    EXIT_CODE_PANIC = 126,       /* the kernel panicked */
    EXIT_CODE_FAULT = 128,       /* plus n: the program ended by CPU exception n */
};
