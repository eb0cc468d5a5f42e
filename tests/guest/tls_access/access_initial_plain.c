#define ACCESS tls_access_initial_plain
#define ACCESS_NAME "initial-exec, not optimized"
#include "tests/guest/tls_access/access.c"
