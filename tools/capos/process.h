#pragma once
/*
 * Helper processes: QEMU, and small tools whose output is read.
 *
 * Rules
 * - A helper has /dev/null as its input, no terminal, default signals, and only the files that it
 *   is given. It is killed when this process dies (PR_SET_PDEATHSIG).
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Starts argv[0], sought in PATH. It inherits the files (each may be -1) under the same numbers;
 * what it writes to standard output and error comes out of *output. Returns -1 with errno when
 * it cannot be started.
 */
pid_t process_start(char *const argv[], const int *files, size_t file_count, int *output);

/*
 * Runs argv to its end and keeps the first size - 1 bytes of its output, terminated by 0. Kills it
 * after timeout_ms. Returns its exit code; -1 when it could not be started, -2 when it was killed.
 */
int process_capture(char *const argv[], char *buffer, size_t size, int timeout_ms);

/* Monotonic milliseconds. */
long long process_now_ms(void);
