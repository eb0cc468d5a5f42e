#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/capos/accelerator.h"
#include "tools/capos/arguments.h"
#include "tools/capos/exit_codes.h"
#include "tools/capos/message.h"
#include "tools/capos/place.h"
#include "tools/capos/process.h"
#include "tools/capos/verb.h"

#define VERSION_TIMEOUT_MS 10000

/* Below this QEMU and the guest may not fit. */
#define HOST_MEMORY_MIN_KIB (UINT64_C(512) << 10)

struct tool {
    const char *command; /* says its version when asked with --version */
    const char *package; /* of Debian */
    const char *purpose;
    bool is_required;
};

static const struct tool tools[] = {
    {"qemu-system-x86_64", "qemu-system-x86", "runs the virtual machine", true},
    {"make", "make", "builds everything", true},
    {"clang-19", "clang-19", "compiles everything", true},
    {"ld.lld-19", "lld-19", "links everything", true},
    {"llvm-ar-19", "llvm-19", "makes libraries", true},
    {"capnp", "capnproto", "compiles the schema", true},
    {"llvm-symbolizer-19", "llvm-19", "function and line of a crash", true},
    {"clang-format-19", "clang-format-19", "make check", false},
    {"gdb", "gdb", "make debug", false},
    {"grub-mkrescue", "grub-common grub-pc-bin grub-efi-amd64-bin", "make iso", false},
    {"xorriso", "xorriso", "make iso", false},
    {"mformat", "mtools", "make iso", false},
};

static void print_line(const char *state, const char *thing, const char *text) {
    printf("%-8s %-20s %s\n", state, thing, text);
}

/* The line of its answer that carries a number. */
static bool ask_version(const struct tool *tool, char *line, size_t size) {
    struct arguments arguments = {.count = 0};
    arguments_add(&arguments, "%s", tool->command);
    arguments_add(&arguments, "--version");
    char answer[1024];
    const int code = process_capture(arguments.items, answer, sizeof answer, VERSION_TIMEOUT_MS);
    arguments_fini(&arguments);
    const char *start = answer;
    while (start[strcspn(start, "\n")] != '\0' &&
           strcspn(start, "0123456789") > strcspn(start, "\n")) {
        start += strcspn(start, "\n") + 1;
    }
    start += strspn(start, " ");
    snprintf(line, size, "%.*s", (int)strcspn(start, "\n"), start);
    return code == 0;
}

static bool check_tool(const struct tool *tool) {
    char text[256];
    if (ask_version(tool, text, sizeof text)) {
        print_line("ok", tool->command, text);
        return true;
    }
    snprintf(text, sizeof text, "%s; install it: apt-get install %s", tool->purpose, tool->package);
    print_line(tool->is_required ? "MISSING" : "absent", tool->command, text);
    return !tool->is_required;
}

static bool check_kernel(char *path) {
    place_of_build_file(path, "capos-kernel.elf");
    const bool is_there = access(path, R_OK) == 0;
    print_line(is_there ? "ok" : "MISSING", "kernel", is_there ? path : "not built; run make");
    return is_there;
}

/* KVM makes capOS faster and is never needed. */
static void check_accelerator(const char *kernel, bool can_try) {
    if (!can_try) {
        print_line("absent", "KVM", "not tried: it is tried with the kernel and QEMU");
        return;
    }
    const struct accelerator_verdict verdict = accelerator_choose(ACCELERATOR_AUTO);
    if (verdict.accelerator == ACCELERATOR_KVM) {
        print_line("ok", "KVM", "works");
        return;
    }
    char text[256];
    snprintf(text, sizeof text, "%s; QEMU emulates the processor instead (TCG)", verdict.reason);
    print_line("absent", "KVM", text);
}

static bool check_memory(void) {
    uint64_t available = 0;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "MemAvailable: %" SCNu64, &available) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    char text[128];
    const bool enough = available >= HOST_MEMORY_MIN_KIB;
    snprintf(text, sizeof text, "%" PRIu64 " MiB available%s", available >> 10,
             enough ? "" : "; capOS wants 512 MiB, close other programs");
    print_line(enough ? "ok" : "LOW", "memory", text);
    return enough;
}

static int doctor_run(int argc, char **argv) {
    if (argc > 1) {
        message_error(argv[1], "not expected here; write capos doctor");
        return EXIT_CODE_TOOL;
    }
    bool is_healthy = true;
    bool has_qemu = true;
    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++) {
        const bool is_fine = check_tool(&tools[i]);
        has_qemu = has_qemu && (i > 0 || is_fine);
        is_healthy = is_healthy && is_fine;
    }
    char kernel[PATH_MAX];
    const bool has_kernel = check_kernel(kernel);
    check_accelerator(kernel, has_kernel && has_qemu);
    is_healthy = check_memory() && has_kernel && is_healthy;
    if (!is_healthy) {
        message_error("doctor", "something is missing; see the lines above in capital letters");
    }
    return is_healthy ? 0 : 1;
}

const struct verb verb_doctor = {
    .name = "doctor",
    .summary = "check this host: tools, versions, KVM, memory",
    .help = "usage: capos doctor\n\n"
            "Checks what capOS needs on this host, a line each: ok, absent (not needed to build\n"
            "and run), or MISSING with the package to install. Exit code 0 when all is there\n"
            "that is needed, else 1.\n",
    .run = doctor_run,
};
