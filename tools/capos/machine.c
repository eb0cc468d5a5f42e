#include "tools/capos/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/assert.h"
#include "tools/capos/message.h"
#include "tools/capos/process.h"

/* Bytes that a stream may hold between QEMU and this tool, as far as the system allows it. */
#define SOCKET_BUFFER_BYTES (1 << 20)

static const char *const port_names[MACHINE_PORT_COUNT] = {
    [MACHINE_INPUT] = "input",   [MACHINE_OUTPUT] = "output", [MACHINE_ERROR] = "error",
    [MACHINE_REPORT] = "report", [MACHINE_LOG] = "log",
};

const char *machine_kind_name(enum machine_kind kind) {
    return kind == MACHINE_MICROVM ? "microvm" : "q35";
}

const char *accelerator_name(enum accelerator accelerator) {
    return accelerator == ACCELERATOR_KVM ? "kvm" : "tcg";
}

const char *machine_qemu(void) {
    const char *qemu = getenv("CAPOS_QEMU");
    return qemu != NULL && qemu[0] != '\0' ? qemu : "qemu-system-x86_64";
}

static void add_processor(struct arguments *arguments, const struct machine_options *options) {
    const bool parallel = options->cpus > 1 && !options->instruction_clock;
    if (options->accelerator == ACCELERATOR_KVM) {
        arguments_add(arguments, "-accel");
        arguments_add(arguments, "kvm");
    } else {
        arguments_add(arguments, "-accel");
        arguments_add(arguments, "tcg,thread=%s", parallel ? "multi" : "single");
    }
    /* How long the fast string instructions take is up to QEMU: no use to an instruction clock. */
    const char *model = options->instruction_clock ? "max,-erms,-fsrm" : "max";
    arguments_add(arguments, "-cpu");
    arguments_add(arguments, "%s", options->cpu_model != NULL ? options->cpu_model : model);
    arguments_add(arguments, "-smp");
    arguments_add(arguments, "%u", options->cpus);
    arguments_add(arguments, "-m");
    arguments_add(arguments, "%" PRIu64 "k", options->memory_bytes >> 10);
    if (options->instruction_clock) {
        arguments_add(arguments, "-icount");
        arguments_add(arguments, "shift=0,sleep=off");
        arguments_add(arguments, "-seed");
        arguments_add(arguments, "1");
        arguments_add(arguments, "-rtc");
        arguments_add(arguments, "base=2026-01-01T00:00:00,clock=vm");
    }
}

/*
 * microvm has 24 virtio-mmio slots of 512 bytes from 0xfeb00000; with the second I/O APIC on, slot
 * n is global interrupt 24 + n (QEMU, hw/i386/microvm.c). Slot 1, because QEMU turns input 0 of
 * every I/O APIC into input 2 (hw/intc/ioapic.c, ioapic_set_irq), as the ISA timer's wire is. The
 * kernel's command line says so in the form that Linux reads.
 */
static void add_board(struct arguments *arguments, const struct machine_options *options) {
    const char *more = options->command_line != NULL ? options->command_line : "";
    arguments_add(arguments, "-M");
    if (options->kind == MACHINE_MICROVM) {
        arguments_add(arguments, "microvm,acpi=on,ioapic2=on,pit=on,rtc=on,isa-serial=off,"
                                 "auto-kernel-cmdline=off,x-option-roms=off");
        arguments_add(arguments, "-global");
        arguments_add(arguments, "virtio-mmio.force-legacy=false");
        arguments_add(arguments, "-device");
        arguments_add(arguments, "virtio-serial-device,bus=virtio-mmio-bus.1,max_ports=8");
    } else {
        arguments_add(arguments, "q35,vmport=off");
        arguments_add(arguments, "-device");
        arguments_add(arguments, "virtio-serial-pci,max_ports=8");
    }
    arguments_add(arguments, "-append");
    if (options->kind == MACHINE_MICROVM) {
        arguments_add(arguments, "virtio_mmio.device=512@0xfeb00200:25%s%s",
                      more[0] != '\0' ? " " : "", more);
    } else {
        arguments_add(arguments, "%s", more);
    }
}

static void add_ports(struct arguments *arguments, const int ports[MACHINE_PORT_COUNT]) {
    for (unsigned port = 0; port < MACHINE_PORT_COUNT; port++) {
        arguments_add(arguments, "-chardev");
        if (ports[port] < 0) {
            arguments_add(arguments, "null,id=%s", port_names[port]);
        } else {
            arguments_add(arguments, "socket,id=%s,fd=%d", port_names[port], ports[port]);
        }
        arguments_add(arguments, "-device");
        if (port == MACHINE_LOG) {
            arguments_add(arguments, "isa-debugcon,iobase=0xe9,chardev=%s", port_names[port]);
        } else {
            /* Port 0 is reserved for a terminal of the guest. */
            arguments_add(arguments, "virtserialport,nr=%u,chardev=%s,name=org.capos.%s", port + 1,
                          port_names[port], port_names[port]);
        }
    }
}

void machine_arguments(struct arguments *arguments, const struct machine_options *options,
                       const int ports[MACHINE_PORT_COUNT], int package_fd) {
    arguments_add(arguments, "%s", machine_qemu());
    static const char *const fixed[] = {
        "-nodefaults",
        "-no-user-config",
        "-no-reboot",
        "-display",
        "none",
        "-device",
        "isa-debug-exit,iobase=0xf4,iosize=4",
    };
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        arguments_add(arguments, "%s", fixed[i]);
    }
    add_processor(arguments, options);
    add_board(arguments, options);
    add_ports(arguments, ports);
    arguments_add(arguments, "-kernel");
    arguments_add(arguments, "%s", options->kernel);
    if (package_fd >= 0) {
        arguments_add(arguments, "-initrd");
        arguments_add(arguments, "/proc/self/fd/%d", package_fd);
    }
    if (options->debug_port != 0) {
        arguments_add(arguments, "-S");
        arguments_add(arguments, "-gdb");
        arguments_add(arguments, "tcp:127.0.0.1:%u", options->debug_port);
    }
}

static void close_all(const int *files, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (files[i] >= 0) {
            close(files[i]);
        }
    }
}

/* ours gets MACHINE_PORT_COUNT ends and theirs the others; all close on exec for now. An input that
 * ended later would reach the guest at a time that the host chooses, whatever clock the guest has.
 */
static bool open_ports(bool has_input, int *ours, int *theirs) {
    memset(ours, -1, MACHINE_PORT_COUNT * sizeof *ours);
    memset(theirs, -1, MACHINE_PORT_COUNT * sizeof *theirs);
    for (unsigned port = has_input ? 0 : MACHINE_INPUT + 1; port < MACHINE_PORT_COUNT; port++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
            close_all(ours, MACHINE_PORT_COUNT);
            close_all(theirs, MACHINE_PORT_COUNT);
            return false;
        }
        const int size = SOCKET_BUFFER_BYTES;
        for (int end = 0; end < 2; end++) {
            /* A smaller buffer than asked for is only slower. */
            (void)setsockopt(pair[end], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        }
        (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
        ours[port] = pair[0];
        theirs[port] = pair[1];
    }
    return true;
}

bool machine_start(struct machine *machine, const struct machine_options *options, int package_fd) {
    ASSERT(options->accelerator != ACCELERATOR_AUTO);
    *machine = (struct machine){.pid = -1, .diagnostics = -1};
    int theirs[MACHINE_PORT_COUNT + 1];
    if (!open_ports(options->has_input, machine->ports, theirs)) {
        message_error("virtual machine", "no sockets: %s; raise the limit of open files",
                      strerror(errno));
        return false;
    }
    theirs[MACHINE_PORT_COUNT] = package_fd;
    struct arguments arguments = {.count = 0};
    machine_arguments(&arguments, options, theirs, package_fd);
    machine->pid =
        process_start(arguments.items, theirs, MACHINE_PORT_COUNT + 1, &machine->diagnostics);
    const int error = errno;
    arguments_fini(&arguments);
    close_all(theirs, MACHINE_PORT_COUNT);
    if (machine->pid < 0) {
        close_all(machine->ports, MACHINE_PORT_COUNT);
        message_error(machine_qemu(),
                      "cannot be started: %s; `capos doctor` says how to install it",
                      strerror(error));
        return false;
    }
    return true;
}
