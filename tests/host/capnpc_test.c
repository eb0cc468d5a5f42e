/* The generator on hostile requests: each one is served or refused, and nothing else happens. */
#include <sys/wait.h>
#include <unistd.h>

#include "tests/host/test.h"
#include "tools/capnpc-capos/emit.h"
#include "tools/capnpc-capos/layout.h"

#define REQUEST_BYTES_MAX (1u << 20)

/* What the generator allocates lives until its end. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "detect_leaks=0";
}

static uint64_t request_words[REQUEST_BYTES_MAX / 8];

static size_t read_request(void) {
    FILE *pipe = popen("capnp compile -Ischema --src-prefix=schema -o- schema/*.capnp", "r");
    CHECK(pipe != NULL);
    size_t size = fread(request_words, 1, sizeof request_words, pipe);
    CHECK_EQUAL(pclose(pipe), 0);
    CHECK(size > 10000 && size < sizeof request_words);
    return size;
}

static void generate(const void *bytes, size_t size) {
    struct request request;
    struct model model;
    if (!request_open(&request, bytes, size)) {
        refuse("test", "not a request");
    }
    model_build(&model, &request);
    emit_all(&model);
}

/* Runs the generator in a process of its own and a folder of its own: its exit status. */
static int generate_apart(const char *folder, const void *bytes, size_t size) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (chdir(folder) != 0 || freopen("/dev/null", "w", stderr) == NULL) {
            _exit(99);
        }
        generate(bytes, size);
        _exit(0);
    }
    int status;
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void remove_folder(const char *folder) {
    char line[64];
    snprintf(line, sizeof line, "rm -rf %s", folder);
    CHECK_EQUAL(system(line), 0);
}

TEST(mutated_requests_are_served_or_refused) {
    char folder[] = "/tmp/capos-capnpc-XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    size_t size = read_request();
    CHECK_EQUAL(generate_apart(folder, request_words, size), 0);
    unsigned refused = 0;
    for (unsigned round = 0; round < 200; round++) {
        size_t kept = round % 8 == 0 ? test_random_below(size / 8) * 8 : size;
        uint64_t *mutated = malloc(kept > 0 ? kept : 1);
        memcpy(mutated, request_words, kept);
        for (uint64_t changes = 1 + test_random_below(16); changes > 0 && kept > 8; changes--) {
            mutated[test_random_below(kept / 8)] ^= UINT64_C(1) << test_random_below(64);
        }
        int status = generate_apart(folder, mutated, kept);
        free(mutated);
        CHECK(status == 0 || status == 1);
        refused += status == 1;
    }
    remove_folder(folder);
    CHECK(refused > 20 && refused < 200);
}

TEST(names_are_spelled_as_c_does) {
    struct name outer = name_inside(NULL, "ThreadControl");
    CHECK_STRING(outer.snake, "thread_control");
    CHECK_STRING(name_inside(NULL, "getFsBase").snake, "get_fs_base");
    CHECK_STRING(name_inside(NULL, "cpuTimeNs").upper, "CPU_TIME_NS");
    CHECK_STRING(name_inside(NULL, "trace0").snake, "trace0");
    CHECK_STRING(name_inside(NULL, "UDPSocket").snake, "udp_socket");
    CHECK_STRING(name_inside(&outer, "Kind").schema, "ThreadControl.Kind");
    CHECK_STRING(name_inside(&outer, "Kind").upper, "THREAD_CONTROL_KIND");
}

TEST(padding_fills_a_message) {
    struct field fields[] = {
        {.name = name_inside(NULL, "small"), .type = TYPE_UINT8, .offset = 2},
        {.name = name_inside(NULL, "wide"), .type = TYPE_UINT32, .offset = 1},
    };
    struct record record = {.data_words = 2, .fields = fields, .count = 2};
    static struct layout layout;
    layout_build(&layout, "test", &record);
    CHECK_EQUAL(layout.count, 6);
    uint32_t end = 0;
    for (uint32_t i = 0; i < layout.count; i++) {
        CHECK_EQUAL(layout.members[i].offset, end);
        end += layout.members[i].size;
    }
    CHECK_EQUAL(end, record_words(&record) * 8);
    CHECK_STRING(layout.members[2].name, "small");
    CHECK_EQUAL(layout.members[4].offset, 12);
}
