#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

/* A descriptor under another number, or /dev/null there. */
static int place(posix_spawn_file_actions_t *actions, int fd, int as, int flags) {
    return fd >= 0 ? posix_spawn_file_actions_adddup2(actions, fd, as)
                   : posix_spawn_file_actions_addopen(actions, as, "/dev/null", flags, 0);
}

static int fill_actions(const struct ms_spawn *spawn, posix_spawn_file_actions_t *actions) {
    int code = place(actions, spawn->in, 0, O_RDONLY);
    if (code == 0)
        code = place(actions, spawn->out, 1, O_WRONLY);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(actions, 1, 2);
    return code == 0 ? posix_spawn_file_actions_addclosefrom_np(actions, 3) : code;
}

/* What a service has blocked or ignores its children have not. */
static int fill_attributes(posix_spawnattr_t *attributes) {
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int code = posix_spawnattr_setsigmask(attributes, &none);
    if (code == 0)
        code = posix_spawnattr_setsigdefault(attributes, &all);
    if (code == 0)
        code = posix_spawnattr_setpgroup(attributes, 0);
    return code == 0 ? posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK |
                                                                POSIX_SPAWN_SETSIGDEF |
                                                                POSIX_SPAWN_SETPGROUP)
                     : code;
}

static int start_with(const struct ms_spawn *spawn, const posix_spawn_file_actions_t *actions,
                      pid_t *pid) {
    posix_spawnattr_t attributes;
    int code = posix_spawnattr_init(&attributes);
    if (code != 0)
        return code;
    code = fill_attributes(&attributes);
    if (code == 0)
        code = posix_spawn(pid, spawn->argv[0], actions, &attributes, spawn->argv, spawn->envp);
    (void)posix_spawnattr_destroy(&attributes);
    return code;
}

static int start(const struct ms_spawn *spawn, pid_t *pid) {
    posix_spawn_file_actions_t actions;
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0)
        return code;
    code = fill_actions(spawn, &actions);
    if (code == 0)
        code = start_with(spawn, &actions, pid);
    (void)posix_spawn_file_actions_destroy(&actions);
    return code;
}

int ms_spawn(const struct ms_spawn *spawn, pid_t *pid, int *pidfd, struct ms_err *err) {
    pid_t started = 0;
    int code = start(spawn, &started);
    if (code != 0)
        return ms_err_sys(err, code, "start %.100s", spawn->argv[0]);
    int fd = pidfd_open(started, 0);
    if (fd < 0) {
        int why = errno;
        (void)kill(-started, SIGKILL);
        (void)waitpid(started, NULL, 0);
        return ms_err_sys(err, why, "watch %.100s", spawn->argv[0]);
    }
    *pid = started;
    *pidfd = fd;
    return MS_OK;
}
