#define ACCESS tls_access_plain
#define ACCESS_NAME "local-exec, not optimized"
#include "tests/guest/tls_access/access.c"
