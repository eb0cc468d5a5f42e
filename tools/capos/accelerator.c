#include "tools/capos/accelerator.h"

#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/capos/trial.h"

#define BOOT_ID_BYTES 36 /* a UUID in text */

static const char reason_absent[] = "this host has no /dev/kvm";
static const char reason_denied[] = "/dev/kvm may not be opened by this user";
static const char reason_broken[] = "a guest under KVM did not come to its end here";

/* PATH_MAX bytes for the file's path; false when there is no place to remember anything. */
static bool find_cache_file(char *path) {
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    char folder[PATH_MAX / 2];
    if (cache == NULL || cache[0] != '/') {
        if (home == NULL || home[0] != '/') {
            const struct passwd *user = getpwuid(getuid());
            home = user != NULL ? user->pw_dir : "";
        }
        cache = NULL;
    }
    if (cache == NULL && home[0] != '/') {
        return false;
    }
    const int length = cache != NULL ? snprintf(folder, sizeof folder, "%s", cache)
                                     : snprintf(folder, sizeof folder, "%s/.cache", home);
    if (length >= (int)sizeof folder) {
        return false;
    }
    (void)mkdir(folder, 0700);
    snprintf(path, PATH_MAX, "%s/capos", folder);
    (void)mkdir(path, 0700);
    snprintf(path, PATH_MAX, "%s/capos/kvm", folder);
    return true;
}

static bool read_boot_id(char *boot_id) {
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file == NULL) {
        return false;
    }
    const size_t got = fread(boot_id, 1, BOOT_ID_BYTES, file);
    fclose(file);
    boot_id[got] = '\0';
    return got == BOOT_ID_BYTES;
}

/* The file holds one line: boot id, then "kvm" or "tcg". */
static bool recall(const char *path, const char *boot_id, bool *works) {
    char line[BOOT_ID_BYTES + 8] = "";
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    const char *got = fgets(line, sizeof line, file);
    fclose(file);
    if (got == NULL || strncmp(line, boot_id, BOOT_ID_BYTES) != 0 || line[BOOT_ID_BYTES] != ' ') {
        return false;
    }
    *works = strncmp(line + BOOT_ID_BYTES + 1, "kvm", 3) == 0;
    return *works || strncmp(line + BOOT_ID_BYTES + 1, "tcg", 3) == 0;
}

/* Renamed into place: another capos sees the old file or the whole new one. */
static void remember(const char *path, const char *boot_id, bool works) {
    char temporary[PATH_MAX + 16];
    snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    FILE *file = fopen(temporary, "we");
    if (file == NULL) {
        return;
    }
    const bool written = fprintf(file, "%s %s\n", boot_id, works ? "kvm" : "tcg") > 0;
    if (fclose(file) != 0 || !written || rename(temporary, path) != 0) {
        unlink(temporary);
    }
}

static struct accelerator_verdict try_kvm(void) {
    struct accelerator_verdict verdict = {.accelerator = ACCELERATOR_TCG};
    if (access("/dev/kvm", F_OK) != 0) {
        verdict.reason = reason_absent;
        return verdict;
    }
    if (access("/dev/kvm", R_OK | W_OK) != 0) {
        verdict.reason = reason_denied;
        return verdict;
    }
    char path[PATH_MAX];
    char boot_id[BOOT_ID_BYTES + 1];
    const bool can_remember = find_cache_file(path) && read_boot_id(boot_id);
    bool works;
    if (!can_remember || !recall(path, boot_id, &works)) {
        const enum trial_result result = trial_run();
        works = result == TRIAL_PASSED;
        verdict.is_new = true;
        if (can_remember && result != TRIAL_UNDECIDED) {
            remember(path, boot_id, works);
        }
    }
    verdict.accelerator = works ? ACCELERATOR_KVM : ACCELERATOR_TCG;
    verdict.reason = works ? NULL : reason_broken;
    return verdict;
}

struct accelerator_verdict accelerator_choose(enum accelerator asked) {
    const char *environment = getenv("CAPOS_ACCEL");
    if (asked == ACCELERATOR_AUTO && environment != NULL) {
        if (strcmp(environment, "kvm") == 0) {
            asked = ACCELERATOR_KVM;
        } else if (strcmp(environment, "tcg") == 0) {
            asked = ACCELERATOR_TCG;
        }
    }
    if (asked == ACCELERATOR_AUTO) {
        return try_kvm();
    }
    return (struct accelerator_verdict){
        .accelerator = asked, .reason = asked == ACCELERATOR_TCG ? "it was asked for" : NULL};
}
