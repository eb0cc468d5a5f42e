#include "tools/capos/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long a killed process may take to be gone. */
#define PROCESS_REAP_MS 1000

long long process_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* In the child. status closes when exec succeeds, and else carries errno. */
_Noreturn static void process_start_child(char *const argv[], const int *files, size_t file_count,
                                          int output, int status, pid_t parent) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* The parent may have died before the line above. */
    const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool ready = getppid() == parent && null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
                 dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0;
    for (size_t i = 0; i < file_count && ready; i++) {
        ready = files[i] < 0 || fcntl(files[i], F_SETFD, 0) == 0;
    }
    if (ready) {
        execvp(argv[0], argv);
    }
    const int error = errno;
    if (write(status, &error, sizeof error) < 0) {
        _exit(126);
    }
    _exit(127);
}

pid_t process_start(char *const argv[], const int *files, size_t file_count, int *output) {
    int output_pipe[2];
    int status_pipe[2];
    if (pipe2(output_pipe, O_CLOEXEC) != 0) {
        return -1;
    }
    if (pipe2(status_pipe, O_CLOEXEC) != 0) {
        close(output_pipe[0]);
        close(output_pipe[1]);
        return -1;
    }
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        process_start_child(argv, files, file_count, output_pipe[1], status_pipe[1], parent);
    }
    const int fork_error = errno;
    close(output_pipe[1]);
    close(status_pipe[1]);
    int error = pid < 0 ? fork_error : 0;
    if (pid > 0 && read(status_pipe[0], &error, sizeof error) > 0) {
        waitpid(pid, NULL, 0);
    }
    close(status_pipe[0]);
    if (error != 0) {
        close(output_pipe[0]);
        errno = error;
        return -1;
    }
    *output = output_pipe[0];
    return pid;
}

/* Reads until the end, or until the deadline: then false. What does not fit is dropped. */
static bool process_capture_output(int fd, char *buffer, size_t size, long long deadline_ms) {
    size_t used = 0;
    while (true) {
        char scratch[512];
        const long long left = deadline_ms - process_now_ms();
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        const int ready = poll(&wait, 1, left > 0 ? (int)left : 0);
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (ready <= 0) {
            return false;
        }
        const bool full = used + 1 >= size;
        const ssize_t got =
            full ? read(fd, scratch, sizeof scratch) : read(fd, buffer + used, size - 1 - used);
        if (got <= 0) {
            buffer[used] = '\0';
            return true;
        }
        used += full ? 0 : (size_t)got;
        buffer[used] = '\0';
    }
}

/* Waits for the end, kills at the deadline; a process that even then stays is left to the system.
 */
static int process_reap(pid_t pid, int timeout_ms) {
    const int handle = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd wait = {.fd = handle, .events = POLLIN};
    if (handle >= 0 && poll(&wait, 1, timeout_ms) == 0) {
        kill(pid, SIGKILL);
        (void)poll(&wait, 1, PROCESS_REAP_MS);
    }
    if (handle >= 0) {
        close(handle);
    }
    int status = 0;
    if (waitpid(pid, &status, handle >= 0 ? WNOHANG : 0) != pid || !WIFEXITED(status)) {
        return -2;
    }
    return WEXITSTATUS(status);
}

int process_capture(char *const argv[], char *buffer, size_t size, int timeout_ms) {
    buffer[0] = '\0';
    int output;
    const pid_t pid = process_start(argv, NULL, 0, &output);
    if (pid < 0) {
        return -1;
    }
    const bool ended = process_capture_output(output, buffer, size, process_now_ms() + timeout_ms);
    if (!ended) {
        kill(pid, SIGKILL);
    }
    close(output);
    const int code = process_reap(pid, ended ? timeout_ms : PROCESS_REAP_MS);
    return ended ? code : -2;
}
