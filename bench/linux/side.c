/*
 * The Linux side is /init of its own initramfs: `init WHAT FIRMWARE` measures, `init hello` says
 * hello. FIRMWARE is the time from reset to the kernel's entry, which no program of Linux can see.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "bench/side.h"

static uint64_t init_tick, firmware_ticks;

/* Runs before main: the first user instructions that are ours. */
__attribute__((constructor)) static void note_init_tick(void) {
    init_tick = measure_tick();
}

const char *side_open(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "hello") == 0) {
        side_write("Hello from Linux\n", 17);
        side_close(0);
    }
    firmware_ticks = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    return what;
}

void side_write(const char *text, size_t size) {
    while (size > 0) {
        ssize_t count = write(STDOUT_FILENO, text, size);
        if (count <= 0) {
            side_close(1);
        }
        text += count;
        size -= (size_t)count;
    }
}

_Noreturn void side_close(int code) {
    (void)code;     /* the lines on the console tell how it went */
    usleep(100000); /* the console sends what it has */
    reboot(RB_AUTOBOOT);
    _exit(1);
}

BENCH(boot_to_init) {
    measure_add(measure, init_tick - firmware_ticks);
}
