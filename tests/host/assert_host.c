#include "tests/host/assert_host.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"

_Thread_local void (*assert_host_hook)(const char *expression, const char *file, int line);

_Noreturn void assert_failed(const char *expression, const char *file, int line) {
    if (assert_host_hook != NULL) {
        assert_host_hook(expression, file, line);
    }
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
    abort();
}
