#include "tools/capos/machine.h"

#include "tests/host/test.h"

static int ports[MACHINE_PORT_COUNT] = {10, 11, 12, 13, 14};

static struct machine_options plain_options(void) {
    return (struct machine_options){.kind = MACHINE_MICROVM,
                                    .accelerator = ACCELERATOR_TCG,
                                    .cpus = 1,
                                    .memory_bytes = 64 << 20,
                                    .kernel = "the kernel"};
}

/* Does the command line hold `first`, followed by `second` when that is not NULL? */
static bool command_has(const struct machine_options *options, const char *first,
                        const char *second) {
    struct arguments arguments = {.count = 0};
    machine_arguments(&arguments, options, ports, 20);
    bool found = false;
    for (size_t i = 0; i < arguments.count; i++) {
        found = found || (strcmp(arguments.items[i], first) == 0 &&
                          (second == NULL || (i + 1 < arguments.count &&
                                              strcmp(arguments.items[i + 1], second) == 0)));
    }
    arguments_fini(&arguments);
    return found;
}

TEST(streams_are_ports_with_names) {
    const struct machine_options options = plain_options();
    CHECK(command_has(&options, "-chardev", "socket,id=input,fd=10"));
    CHECK(command_has(&options, "-chardev", "socket,id=log,fd=14"));
    CHECK(command_has(&options, "-device",
                      "virtserialport,nr=2,chardev=output,"
                      "name=org.capos.output"));
    CHECK(command_has(&options, "-device", "isa-debugcon,iobase=0xe9,chardev=log"));
    CHECK(command_has(&options, "-initrd", "/proc/self/fd/20"));
    CHECK(command_has(&options, "-kernel", "the kernel"));
}

/* A socket that is closed is noticed at some time; this one ends before the machine begins. */
TEST(an_input_that_there_is_not_ends_at_once) {
    const struct machine_options options = plain_options();
    ports[MACHINE_INPUT] = -1;
    bool is_null = command_has(&options, "-chardev", "null,id=input");
    bool is_port =
        command_has(&options, "-device", "virtserialport,nr=1,chardev=input,name=org.capos.input");
    ports[MACHINE_INPUT] = 10;
    CHECK(is_null);
    CHECK(is_port);
}

TEST(nothing_of_the_host_is_there_by_default) {
    const struct machine_options options = plain_options();
    CHECK(command_has(&options, "-nodefaults", NULL));
    CHECK(command_has(&options, "-no-user-config", NULL));
    CHECK(command_has(&options, "-no-reboot", NULL));
    CHECK(!command_has(&options, "-gdb", NULL));
}

TEST(microvm_tells_the_kernel_where_its_device_is) {
    struct machine_options options = plain_options();
    CHECK(command_has(&options, "-append", "virtio_mmio.device=512@0xfeb00200:25"));
    options.command_line = "more";
    CHECK(command_has(&options, "-append", "virtio_mmio.device=512@0xfeb00200:25 more"));
    options.kind = MACHINE_Q35;
    CHECK(command_has(&options, "-append", "more"));
    CHECK(command_has(&options, "-device", "virtio-serial-pci,max_ports=8"));
}

TEST(several_cpus_run_in_parallel_but_not_under_the_instruction_clock) {
    struct machine_options options = plain_options();
    CHECK(command_has(&options, "-accel", "tcg,thread=single"));
    options.cpus = 4;
    CHECK(command_has(&options, "-accel", "tcg,thread=multi"));
    CHECK(command_has(&options, "-smp", "4"));
    options.instruction_clock = true;
    CHECK(command_has(&options, "-accel", "tcg,thread=single"));
    CHECK(command_has(&options, "-icount", "shift=0,sleep=off"));
    CHECK(command_has(&options, "-cpu", "max,-erms,-fsrm"));
    options.cpu_model = "qemu64";
    CHECK(command_has(&options, "-cpu", "qemu64"));
}

TEST(the_debugger_listens_on_this_host_alone) {
    struct machine_options options = plain_options();
    options.debug_port = 1234;
    CHECK(command_has(&options, "-gdb", "tcp:127.0.0.1:1234"));
    CHECK(command_has(&options, "-S", NULL));
}
