/* Waiting for a child, and what to do with signals meanwhile. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"
#include "sys/child.h"

static const int handed_on[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};

/* A signal that a process sent is for the command too; the terminal sends its own to both. */
static void hand_on(int signals, const struct ms_child *child) {
    struct signalfd_siginfo got;
    while (read(signals, &got, sizeof got) == (ssize_t)sizeof got)
        if (got.ssi_code <= 0)
            (void)kill(child->pid, (int)got.ssi_signo);
}

static int wait_and_hand_on(int signals, const struct ms_child *child, struct ms_err *err) {
    struct pollfd watched[] = {
        {.fd = child->pidfd, .events = POLLIN},
        {.fd = signals, .events = POLLIN},
    };
    while ((watched[0].revents & POLLIN) == 0) {
        if (poll(watched, 2, -1) < 0 && errno != EINTR)
            return ms_err_sys(err, errno, "wait for the child");
        hand_on(signals, child);
    }
    return MS_OK;
}

/* Reaps the ended keeper, whose exit status is the command's. */
static int reap(struct ms_child *child, int *status, struct ms_err *err) {
    siginfo_t got = {0};
    int code = 0;
    do
        code = waitid(P_PID, (id_t)child->pid, &got, WEXITED);
    while (code < 0 && errno == EINTR);
    if (code < 0)
        return ms_err_sys(err, errno, "ask how the child ended");
    *status = got.si_code == CLD_EXITED ? got.si_status : 128 + got.si_status;
    child->pid = 0;
    ms_child_clear(child);
    return MS_OK;
}

int ms_child_wait(struct ms_child *child, int *status, struct ms_err *err) {
    sigset_t wanted;
    sigset_t before;
    if (child->pid <= 0)
        return ms_err_set(err, MS_NOT_FOUND, "the child has ended");
    (void)sigemptyset(&wanted);
    for (size_t i = 0; i < sizeof handed_on / sizeof handed_on[0]; i++)
        (void)sigaddset(&wanted, handed_on[i]);
    ms_auto_close int signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0)
        return ms_err_sys(err, errno, "watch for signals");
    (void)pthread_sigmask(SIG_BLOCK, &wanted, &before);
    int code = wait_and_hand_on(signals, child, err);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code < 0 ? code : reap(child, status, err);
}
