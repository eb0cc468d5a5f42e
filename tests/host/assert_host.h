#pragma once
/* Failed assertions on the host: printed, then abort, unless a hook does not return. */

/* Of this thread; called first. */
extern _Thread_local void (*assert_host_hook)(const char *expression, const char *file, int line);
