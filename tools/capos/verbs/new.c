#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/capos/exit_codes.h"
#include "tools/capos/message.h"
#include "tools/capos/place.h"
#include "tools/capos/verb.h"

#define NAME_BYTES_MAX 64

/* A file of a new program. In all texts here "@" stands for the program's name, "$" for the folder
 * of this tool. */
struct template_file {
    const char *path, *text;
};

struct language {
    const char *name;
    struct template_file files[4];
    const char *commands; /* to be typed */
};

static const struct language languages[] = {
    {
        .name = "c",
        .files = {{"@.c", "#include <capos/capos.h>\n"
                          "\n"
                          "int main(int argc, char **argv) {\n"
                          "    capos_printf(\"Hello, %s\\n\", argc > 1 ? argv[1] : \"world\");\n"
                          "    return 0;\n"
                          "}\n"}},
        .commands = "    $/bin/capos-cc -O2 @.c -o @.elf\n"
                    "    $/capos run --grant console @.elf\n",
    },
    {
        .name = "c++",
        .files = {{"@.cc", "#include <capos/capos.h>\n"
                           "\n"
                           "namespace {\n"
                           "\n"
                           "struct Greeting {\n"
                           "    const char *name;\n"
                           "    void print() const {\n"
                           "        capos_printf(\"Hello, %s\\n\", name);\n"
                           "    }\n"
                           "};\n"
                           "\n"
                           "} // namespace\n"
                           "\n"
                           "int main(int argc, char **argv) {\n"
                           "    Greeting{argc > 1 ? argv[1] : \"world\"}.print();\n"
                           "    return 0;\n"
                           "}\n"}},
        .commands = "    $/bin/capos-c++ -std=c++20 -O2 @.cc -o @.elf\n"
                    "    $/capos run --grant console @.elf\n",
    },
    {
        .name = "rust",
        .files = {{"Cargo.toml", "[package]\n"
                                 "name = \"@\"\n"
                                 "version = \"0.1.0\"\n"
                                 "edition = \"2024\"\n"
                                 "\n"
                                 "[package.metadata.capos]\n"
                                 "# What `capos-cargo run` grants.\n"
                                 "grant = \"console\"\n"
                                 "\n"
                                 "[profile.release]\n"
                                 "# Lines for crash reports.\n"
                                 "debug = \"line-tables-only\"\n"},
                  {"src/main.rs", "#![no_std]\n"
                                  "\n"
                                  "use capos::println;\n"
                                  "\n"
                                  "fn name() -> &'static str {\n"
                                  "    capos::arguments().nth(1).unwrap_or(\"world\")\n"
                                  "}\n"
                                  "\n"
                                  "fn main() {\n"
                                  "    println!(\"Hello, {}\", name());\n"
                                  "}\n"
                                  "\n"
                                  "#[cfg(test)]\n"
                                  "mod tests {\n"
                                  "    #[test]\n"
                                  "    fn without_a_name_it_is_the_world() {\n"
                                  "        assert_eq!(super::name(), \"world\");\n"
                                  "    }\n"
                                  "}\n"},
                  {".gitignore", "/target\n"}},
        .commands = "    $/bin/capos-cargo run --release\n"
                    "    $/bin/capos-cargo test\n",
    },
};

static const struct language *find_language(const char *name) {
    for (size_t i = 0; i < sizeof languages / sizeof languages[0]; i++) {
        if (strcmp(languages[i].name, name) == 0) {
            return &languages[i];
        }
    }
    message_error(name, "no such language; write --lang c, --lang c++ or --lang rust");
    return NULL;
}

/* A name of a folder, a file and a package of cargo, all at once. */
static bool check_name(const char *name) {
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    if (length == 0 || length > NAME_BYTES_MAX || name[length] != '\0' ||
        !islower((unsigned char)name[0])) {
        message_error(name, "not a name for a program; use small letters, digits, - and _, a "
                            "letter first");
        return false;
    }
    return true;
}

static void write_text(FILE *file, const char *text, const char *name) {
    char folder[PATH_MAX];
    place_of_build_file(folder, ".");
    for (; *text != '\0'; text++) {
        if (*text == '@') {
            fputs(name, file);
        } else if (*text == '$') {
            fprintf(file, "%.*s", (int)(strlen(folder) - strlen("/.")), folder);
        } else {
            fputc(*text, file);
        }
    }
}

static bool write_file(const struct template_file *template, const char *name) {
    char path[PATH_MAX];
    const char *slash = strchr(template->path, '/');
    if (slash != NULL) {
        snprintf(path, sizeof path, "%s/%.*s", name, (int)(slash - template->path), template->path);
        if (mkdir(path, 0777) != 0) {
            message_error(path, "cannot be made: %s", strerror(errno));
            return false;
        }
    }
    if (template->path[0] == '@') {
        snprintf(path, sizeof path, "%s/%s%s", name, name, template->path + 1);
    } else {
        snprintf(path, sizeof path, "%s/%s", name, template->path);
    }
    FILE *file = fopen(path, "w");
    if (file != NULL) {
        write_text(file, template->text, name);
    }
    if (file == NULL || fclose(file) != 0) {
        message_error(path, "cannot be written: %s", strerror(errno));
        return false;
    }
    return true;
}

static int create(const char *name, const struct language *language) {
    if (mkdir(name, 0777) != 0) {
        message_error(name, "cannot be made: %s; choose another name", strerror(errno));
        return EXIT_CODE_TOOL;
    }
    for (const struct template_file *file = language->files; file->path != NULL; file++) {
        if (!write_file(file, name)) {
            return EXIT_CODE_TOOL;
        }
    }
    write_text(stdout, "@: a program that greets. To build and run it:\n    cd @\n", name);
    write_text(stdout, language->commands, name);
    return 0;
}

static int new_run(int argc, char **argv) {
    const char *name = NULL;
    const char *language_name = "c";
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--lang") == 0 && i + 1 < argc) {
            language_name = argv[++i];
        } else if (name != NULL || argv[i][0] == '-') {
            message_error(argv[i], "not expected here; write capos new NAME [--lang c|c++|rust]");
            return EXIT_CODE_TOOL;
        } else {
            name = argv[i];
        }
    }
    if (name == NULL) {
        message_error("new", "no program is named; write capos new NAME [--lang c|c++|rust]");
        return EXIT_CODE_TOOL;
    }
    const struct language *language = find_language(language_name);
    if (language == NULL || !check_name(name)) {
        return EXIT_CODE_TOOL;
    }
    return create(name, language);
}

const struct verb verb_new = {
    .name = "new",
    .summary = "begin a program: a folder with all that it needs",
    .help = "usage: capos new NAME [--lang c|c++|rust]\n\n"
            "Makes the folder NAME with a program that greets, in C, C++ or Rust, and prints what\n"
            "to type to build and run it.\n",
    .run = new_run,
};
