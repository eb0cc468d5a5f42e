#include "tools/capos/options.h"

#include <stdlib.h>
#include <string.h>

#include "tools/capos/message.h"
#include "tools/capos/size.h"

#define TIMEOUT_SECONDS_MAX 1000000.0

enum { ANY_VERB = OPTIONS_RUN | OPTIONS_BOOT | OPTIONS_IMAGE, VM = OPTIONS_RUN | OPTIONS_BOOT };

static bool parse_number(const char *text, unsigned long low, unsigned long high, unsigned *value) {
    char *end;
    const unsigned long number = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number < low || number > high) {
        return false;
    }
    *value = (unsigned)number;
    return true;
}

static bool set_grant(struct run_options *options, const char *value) {
    return grants_parse(&options->grants, value);
}

static bool set_grants(struct run_options *options, const char *value) {
    options->list_grants = true;
    return true;
}

static bool set_cpus(struct run_options *options, const char *value) {
    if (!parse_number(value, 1, MACHINE_CPUS_MAX, &options->machine.cpus)) {
        message_error("--cpus", "'%s' is not a number of CPUs; write 1 to %u", value,
                      MACHINE_CPUS_MAX);
        return false;
    }
    return true;
}

static bool set_memory(struct run_options *options, const char *value) {
    uint64_t bytes;
    if (!size_parse(value, &bytes) || bytes < MACHINE_MEMORY_MIN || bytes > MACHINE_MEMORY_MAX ||
        bytes % (1u << 20) != 0) {
        message_error("--memory", "'%s' is no size for a machine; write 8M to 64G, such as 128M",
                      value);
        return false;
    }
    options->machine.memory_bytes = bytes;
    return true;
}

static bool set_timeout(struct run_options *options, const char *value) {
    char *end;
    const double seconds = strtod(value, &end);
    if (end == value || *end != '\0' || !(seconds > 0) || seconds > TIMEOUT_SECONDS_MAX) {
        message_error("--timeout", "'%s' is not a time; write seconds above 0, such as 2 or 0.5",
                      value);
        return false;
    }
    const long long milliseconds = (long long)(seconds * 1000);
    options->timeout_ms = milliseconds > 0 ? milliseconds : 1;
    return true;
}

static bool set_log(struct run_options *options, const char *value) {
    options->log_path = value;
    return true;
}

static bool set_json(struct run_options *options, const char *value) {
    options->json_path = value;
    return true;
}

static bool set_output(struct run_options *options, const char *value) {
    options->image_path = value;
    return true;
}

static bool set_machine(struct run_options *options, const char *value) {
    if (strcmp(value, "microvm") == 0) {
        options->machine.kind = MACHINE_MICROVM;
    } else if (strcmp(value, "q35") == 0) {
        options->machine.kind = MACHINE_Q35;
    } else {
        message_error("--machine", "'%s' is not known; write microvm or q35", value);
        return false;
    }
    return true;
}

static bool set_accelerator(struct run_options *options, const char *value) {
    if (strcmp(value, "tcg") == 0) {
        options->machine.accelerator = ACCELERATOR_TCG;
    } else if (strcmp(value, "kvm") == 0) {
        options->machine.accelerator = ACCELERATOR_KVM;
    } else if (strcmp(value, "auto") != 0) {
        message_error("--accel", "'%s' is not known; write tcg, kvm or auto", value);
        return false;
    }
    return true;
}

static bool set_cpu(struct run_options *options, const char *value) {
    options->machine.cpu_model = value;
    return true;
}

static bool set_kernel(struct run_options *options, const char *value) {
    options->machine.kernel = value;
    return true;
}

static bool set_init(struct run_options *options, const char *value) {
    options->init = value;
    return true;
}

static bool set_debug(struct run_options *options, const char *value) {
    if (!parse_number(value, 1, 65535, &options->machine.debug_port)) {
        message_error("--debug", "'%s' is not a port; write 1 to 65535, such as 1234", value);
        return false;
    }
    return true;
}

static bool set_icount(struct run_options *options, const char *value) {
    options->machine.instruction_clock = true;
    return true;
}

static bool set_verbose(struct run_options *options, const char *value) {
    options->verbose = true;
    return true;
}

static bool set_raw(struct run_options *options, const char *value) {
    options->raw_terminal = true;
    return true;
}

static bool set_demos(struct run_options *options, const char *value) {
    options->demos = true;
    return true;
}

struct option {
    const char *name;
    bool takes_value;
    unsigned verbs;
    bool (*set)(struct run_options *options, const char *value);
};

static const struct option option_table[] = {
    {"--grant", true, ANY_VERB, set_grant},
    {"--grants", false, OPTIONS_RUN, set_grants},
    {"--cpus", true, VM, set_cpus},
    {"--memory", true, VM, set_memory},
    {"--timeout", true, VM, set_timeout},
    {"--log", true, VM, set_log},
    {"--json", true, VM, set_json},
    {"--machine", true, VM, set_machine},
    {"--accel", true, VM, set_accelerator},
    {"--cpu", true, VM, set_cpu},
    {"--icount", false, VM, set_icount},
    {"--debug", true, VM, set_debug},
    {"--kernel", true, VM, set_kernel},
    {"--init", true, ANY_VERB, set_init},
    {"--raw", false, OPTIONS_RUN, set_raw},
    {"--demos", false, OPTIONS_BOOT | OPTIONS_IMAGE, set_demos},
    {"-o", true, OPTIONS_IMAGE, set_output},
    {"-v", false, VM, set_verbose},
};

/* The option of these first bytes, which end at = or at the end. */
static const struct option *find_option(const char *text, size_t length, unsigned verb) {
    for (size_t i = 0; i < sizeof option_table / sizeof option_table[0]; i++) {
        const struct option *option = &option_table[i];
        if (strlen(option->name) == length && memcmp(option->name, text, length) == 0 &&
            (option->verbs & verb) != 0) {
            return option;
        }
    }
    return NULL;
}

/* Takes one option at argv[*at] and moves *at behind it. */
static bool take_option(struct run_options *options, unsigned verb, const char *verb_name,
                        char **argv, int *at) {
    const char *text = argv[(*at)++];
    const size_t length = strcspn(text, "=");
    const struct option *option = find_option(text, length, verb);
    if (option == NULL) {
        message_error(text, "no such option; `capos %s --help` lists them", verb_name);
        return false;
    }
    const char *value = text[length] == '=' ? text + length + 1 : NULL;
    if (!option->takes_value && value != NULL) {
        message_error(option->name, "takes no value; leave out '=%s'", value);
        return false;
    }
    if (option->takes_value && value == NULL) {
        value = argv[*at];
        if (value == NULL) {
            message_error(option->name, "needs a value; `capos %s --help` tells which", verb_name);
            return false;
        }
        (*at)++;
    }
    return option->set(options, value);
}

static bool check_together(const struct run_options *options) {
    const uint64_t granted = grants_memory_bytes(&options->grants);
    if (granted > options->machine.memory_bytes) {
        char grant[32];
        char machine[32];
        size_format(grant, sizeof grant, granted);
        size_format(machine, sizeof machine, options->machine.memory_bytes);
        message_error("--grant", "memory=%s is more than the machine has (%s); raise --memory",
                      grant, machine);
        return false;
    }
    if (options->machine.instruction_clock && options->machine.accelerator == ACCELERATOR_KVM) {
        message_error("--icount", "KVM has no instruction clock; leave out --accel kvm");
        return false;
    }
    return true;
}

bool options_parse(struct run_options *options, enum options_verb verb, int argc, char **argv) {
    *options = (struct run_options){
        .machine = {.cpus = 1, .memory_bytes = MACHINE_MEMORY_DEFAULT},
    };
    int at = 1;
    while (at < argc && argv[at][0] == '-' && argv[at][1] != '\0') {
        if (strcmp(argv[at], "--") == 0) {
            at++;
            break;
        }
        if (!take_option(options, verb, argv[0], argv, &at)) {
            return false;
        }
    }
    options->rest = argv + at;
    options->rest_count = argc - at;
    return check_together(options);
}
