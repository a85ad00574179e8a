#include "sys/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"
#include "sys/child_scene.h"
#include "sys/userns.h"

/* What keeper, init and command tell the caller, in one write each. Only the failure of the last
 * one to run is told; the end of the pipe without one means that the command runs. */
struct message {
    bool failed;
    uint64_t mount_id;
    struct ms_err err;
};

/* What the three processes inherit. */
struct birth {
    const struct ms_child_spec *spec;
    pid_t caller;
    int out;       /* the caller reads the other end; closed on exec */
    sigset_t mask; /* the caller's own */
    bool only_chroot;
};

static void tell(const struct birth *birth, const struct message *message) {
    if (write(birth->out, message, sizeof *message) < 0)
        _exit(125);
}

static void fail(const struct birth *birth, const struct ms_err *err) {
    struct message message = {.failed = true, .err = *err};
    tell(birth, &message);
    _exit(125);
}

static void fail_sys(const struct birth *birth, const char *doing) {
    struct ms_err err;
    (void)ms_err_sys(&err, errno, "%s", doing);
    fail(birth, &err);
}

/* From now on this process ends when its parent does, or ends here when that has happened. */
static void follow(pid_t parent) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(137);
}

/* ---- Keeper and init: hand signals on, reap, end as the child ended --------------------------*/

static int exit_code(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Reaps whoever ended; the exit code when it was child, else -1. */
static int reap(pid_t child) {
    int status = 0;
    pid_t ended = 0;
    while ((ended = waitpid(-1, &status, WNOHANG)) > 0)
        if (ended == child && (WIFEXITED(status) || WIFSIGNALED(status)))
            return exit_code(status);
    return ended < 0 && errno == ECHILD ? 137 : -1;
}

/* All signals are blocked here. Those of the terminal have reached the command by themselves. */
static int tend(pid_t child) {
    sigset_t all;
    siginfo_t got;
    (void)sigfillset(&all);
    for (;;) {
        int code = reap(child);
        if (code >= 0)
            return code;
        int number = sigwaitinfo(&all, &got);
        if (number > 0 && number != SIGCHLD && got.si_code <= 0)
            (void)kill(child, number);
    }
}

/* ---- The command -----------------------------------------------------------------------------*/

static void become_command(const struct birth *birth) {
    const struct ms_child_spec *spec = birth->spec;
    const char *workdir = spec->workdir;
    struct ms_err err;
    if (birth->only_chroot && (chroot(spec->root) < 0 || chdir("/") < 0))
        fail_sys(birth, "change the root");
    if (workdir != NULL && chdir(workdir) < 0) {
        (void)ms_err_sys(&err, errno, "go to the directory %.100s", workdir);
        fail(birth, &err);
    }
    (void)signal(SIGPIPE, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &birth->mask, NULL);
    if (spec->envp != NULL)
        environ = (char **)spec->envp;
    (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    (void)execvp(spec->argv[0], spec->argv);
    (void)ms_err_sys(&err, errno, "start %.100s", spec->argv[0]);
    fail(birth, &err);
}

/* ---- Init ------------------------------------------------------------------------------------*/

/* The keeper holds the other end of alive as long as it lives. */
static void follow_keeper(int alive) {
    struct pollfd ended = {.fd = alive, .events = POLLIN};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (poll(&ended, 1, 0) != 0)
        _exit(137);
    (void)close(alive);
}

static void become_init(const struct birth *birth, int alive) {
    struct message message = {0};
    struct ms_err err;
    follow_keeper(alive);
    if (!birth->only_chroot) {
        if (ms_child_scene_make(birth->spec, &message.mount_id, &err) < 0)
            fail(birth, &err);
        tell(birth, &message);
    }
    pid_t self = getpid();
    pid_t command = fork();
    if (command < 0)
        fail_sys(birth, "start the command");
    if (command == 0) {
        follow(self);
        become_command(birth);
    }
    (void)close(birth->out);
    (void)close_range(3, ~0U, 0);
    _exit(tend(command));
}

/* ---- Keeper ----------------------------------------------------------------------------------*/

static int make_namespaces(struct ms_err *err) {
    if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0)
        return ms_err_sys(err, errno, "make a mount namespace");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
        return MS_OK;
    if (errno == EINVAL)
        return ms_err_set(err, MS_UNIMPLEMENTED,
                          "make a mount namespace: the root is no mount point (a chroot), so "
                          "mounts could not be kept inside");
    return ms_err_sys(err, errno, "keep mounts inside");
}

static void become_keeper(struct birth *birth) {
    struct ms_err err;
    int ends[2];
    follow(birth->caller);
    (void)signal(SIGCHLD, SIG_DFL);
    if (make_namespaces(&err) < 0) {
        birth->only_chroot = birth->spec->allow_chroot;
        if (!birth->only_chroot)
            fail(birth, &err);
    }
    if (pipe2(ends, O_CLOEXEC) < 0)
        fail_sys(birth, "make a pipe");
    pid_t init = fork();
    if (init < 0)
        fail_sys(birth, "start the first process");
    if (init == 0) {
        (void)close(ends[1]);
        become_init(birth, ends[0]);
    }
    (void)close(birth->out);
    if (ends[1] != 3)
        (void)dup2(ends[1], 3);
    (void)close_range(4, ~0U, 0);
    _exit(tend(init));
}

/* ---- The caller ------------------------------------------------------------------------------*/

/* Reads what the child tells until the command runs (0) or failed. */
static int listen_to(int in, struct ms_child *child, struct ms_err *err) {
    struct message message;
    int code = MS_OK;
    for (;;) {
        ssize_t size = read(in, &message, sizeof message);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return ms_err_sys(err, errno, "listen to the child");
        if (size != (ssize_t)sizeof message)
            return code;
        if (message.failed) {
            *err = message.err;
            code = message.err.kind;
        } else {
            child->mount_id = message.mount_id;
        }
    }
}

/* Forks the keeper with all signals blocked, so that no handler of the caller runs in there. */
static pid_t start_keeper(struct birth *birth, int in) {
    sigset_t all;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &birth->mask);
    pid_t keeper = fork();
    if (keeper == 0) {
        (void)close(in);
        become_keeper(birth);
    }
    int sys = errno;
    (void)pthread_sigmask(SIG_SETMASK, &birth->mask, NULL);
    errno = sys;
    return keeper;
}

int ms_child_start(const struct ms_child_spec *spec, struct ms_child *out, struct ms_err *err) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return ms_err_sys(err, errno, "make a pipe");
    ms_auto_close int in = ends[0];
    ms_auto_close int write_end = ends[1];
    struct birth birth = {.spec = spec, .caller = getpid(), .out = write_end};
    struct ms_child child = {.pid = start_keeper(&birth, in), .pidfd = -1};
    if (child.pid < 0)
        return ms_err_sys(err, errno, "start a process");
    (void)close(ms_take_fd(&write_end));
    child.pidfd = pidfd_open(child.pid, 0);
    int code = listen_to(in, &child, err);
    if (code == MS_OK && child.pidfd < 0)
        code = ms_err_sys(err, errno, "watch the child");
    if (code < 0) {
        ms_child_clear(&child);
        return code;
    }
    child.mount_namespace = ms_mountns_number(child.pid);
    *out = child;
    return MS_OK;
}

void ms_child_clear(struct ms_child *child) {
    if (child->pid > 0) {
        (void)kill(child->pid, SIGKILL);
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (child->pidfd > 0) /* a zeroed child has none */
        (void)close(child->pidfd);
    *child = (struct ms_child){.pidfd = -1};
}
