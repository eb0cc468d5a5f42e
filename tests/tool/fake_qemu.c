/*
 * Stands in for QEMU in the tests of the host tool (CAPOS_QEMU): takes the same command line, finds
 * its ends of the streams there, and does what FAKE_QEMU says, a word at a time:
 *
 *   out:TEXT err:TEXT log:TEXT qemu:TEXT   writes TEXT and a new line to that stream
 *   flood:N                                writes N bytes to the output
 *   echo                                   copies the input to the output until its end
 *   report:exited:CODE                     sends a report of that outcome
 *   report:faulted:VECTOR:ERROR:ADDRESS:RIP:RSP (in hexadecimal)
 *   report:unstarted:ERROR:DETAIL
 *   report:junk                            sends bytes that are no report
 *   arguments:FILE                         writes the command line to FILE, a word a line
 *   hang                                   waits for ever
 *   kill                                   kills itself
 *   exit:CODE                              ends
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capos/report.h"
#include "core/assert.h"
#include "core/wire.h"

#define REPORT_WORDS_MAX 256u

_Noreturn static void give_up(const char *reason, const char *word) {
    fprintf(stderr, "fake-qemu: %s: %s\n", word, reason);
    exit(99);
}

_Noreturn void assert_failed(const char *expression, const char *file, int line) {
    fprintf(stderr, "fake-qemu: %s does not hold at %s:%d\n", expression, file, line);
    exit(99);
}

static int port_of(char **argv, const char *id) {
    char prefix[64];
    snprintf(prefix, sizeof prefix, "socket,id=%s,fd=", id);
    for (; *argv != NULL; argv++) {
        if (strncmp(*argv, prefix, strlen(prefix)) == 0) {
            return atoi(*argv + strlen(prefix));
        }
    }
    give_up("no such port", id);
}

static void write_all(int fd, const void *bytes, size_t size) {
    const char *at = bytes;
    while (size > 0) {
        const ssize_t written = write(fd, at, size);
        if (written <= 0) {
            return; /* the reader has gone: not our affair */
        }
        at += written;
        size -= (size_t)written;
    }
}

static void write_line(int fd, const char *text) {
    write_all(fd, text, strlen(text));
    write_all(fd, "\n", 1);
}

static void flood(int fd, long count) {
    static char block[65536];
    memset(block, 'x', sizeof block);
    for (; count > 0; count -= (long)sizeof block) {
        write_all(fd, block, count < (long)sizeof block ? (size_t)count : sizeof block);
    }
}

static void echo(int from, int to) {
    static char block[65536];
    ssize_t got;
    while ((got = read(from, block, sizeof block)) > 0) {
        write_all(to, block, (size_t)got);
    }
}

static uint64_t next_number(const char **text, int base) {
    char *end;
    const uint64_t value = strtoull(*text, &end, base);
    *text = *end == ':' ? end + 1 : end;
    return value;
}

static void build_report(struct wire_builder *builder, const char *text) {
    const struct wire_builder_struct root =
        wire_build_root(builder, CAPOS_RUN_REPORT_DATA_WORDS, CAPOS_RUN_REPORT_POINTERS);
    wire_set_u64(root, CAPOS_RUN_REPORT_CPU_TIME_NS_OFFSET, 1234);
    wire_set_u64(root, CAPOS_RUN_REPORT_PEAK_BYTES_OFFSET, 8192);
    const struct wire_builder_list used =
        wire_set_pointer_list(root, CAPOS_RUN_REPORT_GRANTS_USED_POINTER, 1);
    wire_builder_list_set_text(used, 0, "console", strlen("console"));
    const char *at = strchr(text, ':') + 1;
    if (strncmp(text, "exited:", 7) == 0) {
        wire_set_u64(root, CAPOS_RUN_REPORT_CODE_OFFSET, next_number(&at, 10));
    } else if (strncmp(text, "faulted:", 8) == 0) {
        wire_set_u16(root, CAPOS_RUN_REPORT_OUTCOME_OFFSET, CAPOS_RUN_REPORT_OUTCOME_FAULTED);
        wire_set_u32(root, CAPOS_RUN_REPORT_VECTOR_OFFSET, (uint32_t)next_number(&at, 16));
        wire_set_u32(root, CAPOS_RUN_REPORT_ERROR_CODE_OFFSET, (uint32_t)next_number(&at, 16));
        wire_set_u64(root, CAPOS_RUN_REPORT_ADDRESS_OFFSET, next_number(&at, 16));
        wire_set_u64(root, CAPOS_RUN_REPORT_RIP_OFFSET, next_number(&at, 16));
        wire_set_u64(root, CAPOS_RUN_REPORT_RSP_OFFSET, next_number(&at, 16));
    } else {
        wire_set_u16(root, CAPOS_RUN_REPORT_OUTCOME_OFFSET, CAPOS_RUN_REPORT_OUTCOME_NOT_STARTED);
        wire_set_u64(root, CAPOS_RUN_REPORT_START_ERROR_OFFSET, next_number(&at, 10));
        wire_set_u64(root, CAPOS_RUN_REPORT_START_DETAIL_OFFSET, next_number(&at, 10));
    }
}

static void send_report(int fd, const char *text) {
    if (strcmp(text, "junk") == 0) {
        write_all(fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
        return;
    }
    uint64_t message[1 + REPORT_WORDS_MAX] = {0};
    struct wire_builder builder;
    wire_builder_init(&builder, message + 1, REPORT_WORDS_MAX);
    build_report(&builder, text);
    const uint64_t words = wire_builder_finish(&builder);
    ASSERT(words != 0);
    message[0] = words << 32;
    write_all(fd, message, (1 + (size_t)words) * sizeof *message);
}

static void write_arguments(const char *path, char **argv) {
    FILE *file = fopen(path, "w");
    ASSERT(file != NULL);
    for (; *argv != NULL; argv++) {
        fprintf(file, "%s\n", *argv);
    }
    fclose(file);
}

/* The text behind "word:", or NULL when it is another word. */
static const char *match(const char *word, const char *name) {
    const size_t length = strlen(name);
    return strncmp(word, name, length) == 0 && word[length] == ':' ? word + length + 1 : NULL;
}

static void obey(const char *word, char **argv) {
    const char *text;
    if ((text = match(word, "out")) != NULL) {
        write_line(port_of(argv, "output"), text);
    } else if ((text = match(word, "err")) != NULL) {
        write_line(port_of(argv, "error"), text);
    } else if ((text = match(word, "log")) != NULL) {
        write_line(port_of(argv, "log"), text);
    } else if ((text = match(word, "qemu")) != NULL) {
        write_line(STDERR_FILENO, text);
    } else if ((text = match(word, "flood")) != NULL) {
        flood(port_of(argv, "output"), atol(text));
    } else if (strcmp(word, "echo") == 0) {
        echo(port_of(argv, "input"), port_of(argv, "output"));
    } else if ((text = match(word, "report")) != NULL) {
        send_report(port_of(argv, "report"), text);
    } else if ((text = match(word, "arguments")) != NULL) {
        write_arguments(text, argv);
    } else if (strcmp(word, "hang") == 0) {
        pause();
    } else if (strcmp(word, "kill") == 0) {
        raise(SIGKILL);
    } else if ((text = match(word, "exit")) != NULL) {
        exit(atoi(text));
    } else {
        give_up("no such word", word);
    }
}

int main(int argc, char **argv) {
    char *script = getenv("FAKE_QEMU");
    ASSERT(script != NULL);
    signal(SIGPIPE, SIG_IGN);
    for (char *word = strtok(script, " "); word != NULL; word = strtok(NULL, " ")) {
        obey(word, argv);
    }
    return 99;
}
