#include "tools/capos/options.h"

#include "tests/host/test.h"

/* words are split at spaces; the verb stands before them. */
static bool parse(struct run_options *options, enum options_verb verb, const char *words) {
    static char copy[512];
    static char *argv[64];
    int argc = 1;
    argv[0] = "verb";
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    return options_parse(options, verb, argc, argv);
}

TEST(options_come_in_any_order_before_the_program) {
    struct run_options options;
    CHECK(parse(&options, OPTIONS_RUN,
                "--cpus=2 --grant console --timeout 1.5 --grant=timer -v hello.elf --cpus 9"));
    CHECK_EQUAL(options.machine.cpus, 2);
    CHECK_EQUAL(options.timeout_ms, 1500);
    CHECK_EQUAL(options.grants.count, 2);
    CHECK(options.verbose);
    CHECK_EQUAL(options.rest_count, 3);
    CHECK_STRING(options.rest[0], "hello.elf");
    CHECK_STRING(options.rest[1], "--cpus");
}

TEST(two_dashes_end_the_options) {
    struct run_options options;
    CHECK(parse(&options, OPTIONS_RUN, "-v -- --odd-name.elf"));
    CHECK_EQUAL(options.rest_count, 1);
    CHECK_STRING(options.rest[0], "--odd-name.elf");
}

TEST(nothing_is_granted_by_default) {
    struct run_options options;
    CHECK(parse(&options, OPTIONS_RUN, "hello.elf"));
    CHECK_EQUAL(options.grants.count, 0);
    CHECK_EQUAL(options.machine.cpus, 1);
    CHECK_EQUAL(options.machine.memory_bytes, MACHINE_MEMORY_DEFAULT);
    CHECK_EQUAL(options.machine.kind, MACHINE_MICROVM);
    CHECK_EQUAL(options.machine.accelerator, ACCELERATOR_AUTO);
}

TEST(values_out_of_range_are_refused) {
    static const char *const wrong[] = {
        "--cpus 0",
        "--cpus 65",
        "--cpus -1",
        "--cpus 2x",
        "--cpus",
        "--memory 7M",
        "--memory 65G",
        "--memory 8.5M",
        "--memory 8193K",
        "--timeout 0",
        "--timeout -1",
        "--timeout soon",
        "--timeout nan",
        "--timeout 1e99",
        "--machine pc",
        "--accel hvf",
        "--debug 0",
        "--debug 65536",
        "--icount=1",
        "--nothing",
        "-x",
        "--grant memory=65M",
        "--icount --accel kvm",
        "-o file",
        "--demos",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct run_options options;
        CHECK(!parse(&options, OPTIONS_RUN, wrong[i]));
    }
}

TEST(memory_for_a_grant_must_be_in_the_machine) {
    struct run_options options;
    CHECK(parse(&options, OPTIONS_RUN, "--grant memory=128M --memory 256M a"));
    CHECK(parse(&options, OPTIONS_RUN, "--memory 8M --grant memory=8M a"));
    CHECK(!parse(&options, OPTIONS_RUN, "--memory 8M --grant memory=9M a"));
}

TEST(each_verb_has_its_own_options) {
    struct run_options options;
    CHECK(parse(&options, OPTIONS_IMAGE, "-o file --demos extra"));
    CHECK_STRING(options.image_path, "file");
    CHECK(options.demos);
    CHECK_EQUAL(options.rest_count, 1);
    CHECK(!parse(&options, OPTIONS_IMAGE, "--cpus 2"));
    CHECK(parse(&options, OPTIONS_BOOT, "--demos --cpus 2"));
    CHECK(!parse(&options, OPTIONS_BOOT, "-o file"));
}
