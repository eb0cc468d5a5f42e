#pragma once
/*
 * The virtual machine: QEMU's command line, and the QEMU process with the streams to its guest.
 *
 * Rules
 * - The machine has no file of its own: the boot package is an open file that QEMU inherits.
 * - QEMU is in a session of its own, and the Linux kernel ends it when this process dies.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/capos/arguments.h"

#define MACHINE_CPUS_MAX 64u
#define MACHINE_MEMORY_MIN (UINT64_C(8) << 20)
#define MACHINE_MEMORY_MAX (UINT64_C(64) << 30)
#define MACHINE_MEMORY_DEFAULT (UINT64_C(64) << 20)

/* QEMU's exit code is (value << 1) | 1 of what the guest writes to the debug exit device. */
#define MACHINE_EXIT_ORDERLY 33 /* 0x10 */
#define MACHINE_EXIT_PANIC 35   /* 0x11 */

enum machine_kind { MACHINE_MICROVM, MACHINE_Q35 };
enum accelerator { ACCELERATOR_AUTO, ACCELERATOR_TCG, ACCELERATOR_KVM };

/* The streams between host and guest; all but the log are ports of one virtio console. */
enum machine_port {
    MACHINE_INPUT,
    MACHINE_OUTPUT,
    MACHINE_ERROR,
    MACHINE_REPORT,
    MACHINE_LOG,
    MACHINE_PORT_COUNT,
};

struct machine_options {
    enum machine_kind kind;
    enum accelerator accelerator; /* not AUTO when the machine is started */
    unsigned cpus;
    uint64_t memory_bytes;
    const char *cpu_model;    /* NULL: what fits accelerator and clock */
    const char *kernel;       /* path */
    const char *command_line; /* more for the kernel, or NULL */
    bool instruction_clock;   /* time is instructions: the same in each run */
    bool has_input;           /* the guest gets what comes through ports[MACHINE_INPUT] */
    unsigned debug_port;      /* waits there for gdb; 0: none */
};

struct machine {
    pid_t pid;
    int ports[MACHINE_PORT_COUNT]; /* sockets; -1: that stream ends before it begins */
    int diagnostics;               /* what QEMU itself has to say */
};

/* The command line; ports and package are QEMU's file descriptors. package_fd -1: none. */
void machine_arguments(struct arguments *arguments, const struct machine_options *options,
                       const int ports[MACHINE_PORT_COUNT], int package_fd);

/* Says what is wrong and returns false when QEMU cannot be started. */
bool machine_start(struct machine *machine, const struct machine_options *options, int package_fd);

/* The program that is started: CAPOS_QEMU, or qemu-system-x86_64. */
const char *machine_qemu(void);

const char *machine_kind_name(enum machine_kind kind);
const char *accelerator_name(enum accelerator accelerator);
