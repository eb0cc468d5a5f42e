#include "user/shell/commands.h"

#include "user/shell/demos.h"
#include "user/shell/jobs.h"
#include "user/shell/program.h"
#include "user/shell/show.h"
#include "user/shell/tour.h"

#define WORDS_MAX PROGRAM_WORDS_MAX

static void run_help(char **words, uint32_t count);

/* Takes the words of a `run` line apart: grants, &, and arguments for the program. */
static bool parse_run(char **words, uint32_t count, struct program_request *request,
                      bool *is_background) {
    *is_background = strcmp(words[count - 1], "&") == 0;
    count -= *is_background;
    for (uint32_t index = 1; index < count; index++) {
        if (strcmp(words[index], "--grant") == 0) {
            if (index + 1 == count || !program_add_grants(request, words[++index])) {
                capos_print("run: --grant: wants names, such as --grant console,timer\n");
                return false;
            }
        } else if (request->name == NULL) {
            request->name = words[index];
        } else {
            request->arguments[request->argument_count++] = words[index];
        }
    }
    if (request->name == NULL) {
        capos_print("run: wants the name of a program; `demos` lists some\n");
    }
    return request->name != NULL;
}

static void run_program(char **words, uint32_t count) {
    struct program_request request = {0};
    struct capos_process_wait_results end;
    capos_cap_t process;
    bool is_background;
    if (!parse_run(words, count, &request, &is_background) || !program_start(&request, &process)) {
        return;
    }
    if (is_background && jobs_add(request.name, process)) {
        return;
    }
    if (program_finish(process, &end)) {
        program_print_end(request.name, &end);
    }
}

static void run_demos(char **words, uint32_t count) {
    demos_print();
}

static void run_caps(char **words, uint32_t count) {
    show_capabilities();
}

static void run_memory(char **words, uint32_t count) {
    show_memory();
}

static void run_ps(char **words, uint32_t count) {
    jobs_print();
}

static void run_kill(char **words, uint32_t count) {
    jobs_kill(count > 1 ? words[1] : "");
}

static void run_uptime(char **words, uint32_t count) {
    show_uptime();
}

static void run_tour(char **words, uint32_t count) {
    tour_run();
}

static const struct command {
    const char *name, *usage, *summary;
    void (*run)(char **words, uint32_t count);
} commands[] = {
    {"run", "run NAME [ARG...] [--grant A,B] [&]", "run a program with these capabilities",
     run_program},
    {"demos", "demos", "the programs there are, each with the line to type", run_demos},
    {"tour", "tour", "capOS in sixty seconds", run_tour},
    {"caps", "caps", "the capabilities of this shell", run_caps},
    {"memory", "memory", "memory of the machine and of this shell", run_memory},
    {"ps", "ps", "the programs started with &", run_ps},
    {"kill", "kill NUMBER", "end one of them", run_kill},
    {"uptime", "uptime", "time since the machine started", run_uptime},
    {"help", "help", "this list", run_help},
};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static void print_usage(const char *usage, const char *summary) {
    capos_printf("  %s", usage);
    for (size_t width = strlen(usage); width < 38; width++) {
        capos_print(" ");
    }
    capos_printf("%s\n", summary);
}

static void run_help(char **words, uint32_t count) {
    for (size_t index = 0; index < COMMAND_COUNT; index++) {
        print_usage(commands[index].usage, commands[index].summary);
    }
    print_usage("exit", "turn the machine off; Ctrl-D does too");
}

static uint32_t split(char *line, char *words[WORDS_MAX]) {
    uint32_t count = 0;
    while (*line != '\0' && count < WORDS_MAX) {
        while (*line == ' ') {
            *line++ = '\0';
        }
        if (*line != '\0') {
            words[count++] = line;
        }
        while (*line != '\0' && *line != ' ') {
            line++;
        }
    }
    return count;
}

bool command_run(char *line) {
    char *words[WORDS_MAX];
    uint32_t count = split(line, words);
    if (count == 0) {
        return true;
    }
    if (strcmp(words[0], "exit") == 0) {
        return false;
    }
    for (size_t index = 0; index < COMMAND_COUNT; index++) {
        if (strcmp(words[0], commands[index].name) == 0) {
            commands[index].run(words, count);
            return true;
        }
    }
    capos_printf("%s: no such command; `help` lists them\n", words[0]);
    return true;
}
