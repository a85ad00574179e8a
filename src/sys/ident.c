#include "sys/ident.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"

/* Reads a small file of /proc whole: the count of bytes, or minus the errno. */
static ssize_t read_small(const char *path, char *out, size_t room) {
    ms_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t count = read(fd, out, room - 1);
    if (count < 0)
        return -errno;
    out[count] = '\0';
    return count;
}

int ms_ident_boot_id(char **out, struct ms_err *err) {
    char text[128];
    const char *played = secure_getenv("MOONSNAP_BOOT_ID");
    const char *id = played;
    if (played == NULL || *played == '\0') {
        ssize_t count = read_small("/proc/sys/kernel/random/boot_id", text, sizeof text);
        if (count < 0)
            return ms_err_set(err, MS_INTERNAL, "read the boot id: %s (is /proc mounted?)",
                              strerror((int)-count));
        text[strcspn(text, "\n")] = '\0';
        id = text;
    }
    char *copy = strdup(id);
    if (copy == NULL)
        return ms_err_memory(err);
    *out = copy;
    return MS_OK;
}

uint64_t ms_ident_parse_stat(const char *text, char *state) {
    const char *at = strrchr(text, ')');
    if (at == NULL || at[1] != ' ' || at[2] == '\0')
        return 0;
    *state = at[2];
    at += 2;
    for (int field = 3; field < 22; field++) {
        at = strchr(at, ' ');
        if (at == NULL)
            return 0;
        at++;
    }
    return strtoull(at, NULL, 10);
}

/* Start time and state of a process: 0, or minus the errno; -EIO for a text that is none. */
static int read_stat(int64_t pid, uint64_t *started, char *state) {
    char path[64];
    char text[1024];
    if (pid == getpid())
        (void)snprintf(path, sizeof path, "/proc/self/stat");
    else
        (void)snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    ssize_t count = read_small(path, text, sizeof text);
    if (count < 0)
        return (int)count;
    *started = ms_ident_parse_stat(text, state);
    return *started != 0 ? 0 : -EIO;
}

static uint64_t own_pid_namespace(void) {
    struct stat stat_buf;
    return stat("/proc/self/ns/pid", &stat_buf) == 0 ? (uint64_t)stat_buf.st_ino : 0;
}

int ms_ident_of(int64_t pid, struct ms_ident *out, struct ms_err *err) {
    char state = 0;
    struct ms_ident ident = {.pid = pid, .pid_namespace = own_pid_namespace()};
    int code = read_stat(pid, &ident.started, &state);
    if (code == -ENOENT || code == -ESRCH)
        return ms_err_set(err, MS_NOT_FOUND, "there is no process %lld", (long long)pid);
    if (code < 0 || ident.pid_namespace == 0)
        return ms_err_set(err, MS_INTERNAL, "look at process %lld: %s", (long long)pid,
                          code < 0 ? strerror(-code) : "its pid namespace cannot be read");
    *out = ident;
    return MS_OK;
}

int ms_ident_watch(int64_t pid, int *fd, struct ms_err *err) {
    if (pid <= 0 || pid > INT_MAX)
        return ms_err_set(err, MS_NOT_FOUND, "there is no process %lld", (long long)pid);
    int opened = pidfd_open((pid_t)pid, 0); /* closed by exec */
    if (opened < 0 && errno == ESRCH)
        return ms_err_set(err, MS_NOT_FOUND, "there is no process %lld", (long long)pid);
    if (opened < 0)
        return ms_err_sys(err, errno, "watch process %lld", (long long)pid);
    *fd = opened;
    return MS_OK;
}

/* Does /proc count processes as getpid does? Not after unshare of a pid namespace without a new
 * /proc. */
static int proc_is_ours(void) {
    char link[32];
    ssize_t count = readlink("/proc/self", link, sizeof link - 1);
    if (count <= 0)
        return 0;
    link[count] = '\0';
    return strtoll(link, NULL, 10) == (long long)getpid();
}

enum ms_alive ms_ident_alive(const struct ms_ident *ident, const char *boot_id,
                             const char *now_boot_id) {
    char state = 0;
    uint64_t started = 0;
    if (strcmp(boot_id, now_boot_id) != 0)
        return MS_ALIVE_NO;
    if (ident->pid_namespace != own_pid_namespace() || !proc_is_ours())
        return MS_ALIVE_UNKNOWN;
    if (ident->pid <= 0)
        return MS_ALIVE_NO;
    int code = read_stat(ident->pid, &started, &state);
    if (code == 0)
        return started == ident->started && state != 'Z' && state != 'X' ? MS_ALIVE_YES
                                                                         : MS_ALIVE_NO;
    if (kill((pid_t)ident->pid, 0) < 0 && errno == ESRCH)
        return MS_ALIVE_NO;
    return MS_ALIVE_UNKNOWN;
}
