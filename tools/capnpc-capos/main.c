/*
 * capnpc-capos: a plugin of the capnp compiler that writes what capOS makes from its schema.
 * The compiler sends the request on standard input and makes the output folder the working one:
 *
 *   capnp compile -Ischema --src-prefix=schema -o.../capnpc-capos:build/gen schema/timer.capnp ...
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "tools/capnpc-capos/emit.h"
#include "tools/capnpc-capos/request.h"

#define REQUEST_BYTES_MAX (UINT32_C(64) << 20)

_Noreturn void assert_failed(const char *expression, const char *file, int line) {
    fprintf(stderr, "capnpc-capos: %s:%d: assertion failed: %s\n", file, line, expression);
    abort();
}

static void *read_request(size_t *size_out) {
    size_t capacity = 1 << 16;
    size_t size = 0;
    char *bytes = allocate(capacity, 1);
    for (;;) {
        size_t count = fread(bytes + size, 1, capacity - size, stdin);
        size += count;
        if (count == 0) {
            break;
        }
        if (size > REQUEST_BYTES_MAX) {
            refuse("request", "it is longer than %u bytes", REQUEST_BYTES_MAX);
        }
        if (size == capacity) {
            capacity *= 2;
            bytes = realloc(bytes, capacity);
            if (bytes == NULL) {
                refuse("memory", "out of memory for a request of %zu bytes", capacity);
            }
        }
    }
    if (ferror(stdin)) {
        refuse("request", "cannot read standard input: %s", strerror(errno));
    }
    *size_out = size;
    return bytes;
}

int main(int argc, char **argv) {
    if (argc != 1) {
        fprintf(stderr, "capnpc-capos: %s: it takes no arguments: it is run by capnp compile -o\n",
                argv[1]);
        return 1;
    }
    size_t size;
    void *bytes = read_request(&size);
    struct request request;
    if (!request_open(&request, bytes, size)) {
        refuse("standard input", "not a CodeGeneratorRequest: run this with capnp compile -o");
    }
    struct model model;
    model_build(&model, &request);
    emit_all(&model);
    return 0;
}
