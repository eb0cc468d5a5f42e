#define ACCESS tls_access_initial
#define ACCESS_NAME "initial-exec"
#include "tests/guest/tls_access/access.c"
