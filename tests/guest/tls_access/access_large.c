#define ACCESS tls_access_large
#define ACCESS_NAME "local-exec, code model large"
#include "tests/guest/tls_access/access.c"
