#include "engine/store/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"
#include "engine/clock.h"

#define SIGNED_AFTER 200 /* tries: about 0.1 s */
#define WAIT_TRIES 60000 /* about 30 s */

/* Sleeps a little longer each time, 50 us to 1 ms: long enough to leave the processor to the
 * writer, short against a transaction's fsync. */
static void pause_before(unsigned tries) {
    struct timespec pause = {.tv_nsec = tries < 20 ? 50000L * (tries + 1) : 1000000};
    (void)nanosleep(&pause, NULL);
}

int ms_gate_enter(int fd, int64_t wait_ms, struct ms_err *err) {
    int64_t until = ms_clock_steady_ns() + wait_ms * 1000000;
    for (unsigned tries = 0;; tries++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return MS_OK;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return ms_err_sys(err, errno, "lock the store's gate");
        if (ms_clock_steady_ns() >= until) {
            char holder[64];
            ms_gate_holder(fd, holder, sizeof holder);
            return ms_err_set(err, MS_UNAVAILABLE,
                              "the store is being written by %s for over %lld s: try again later",
                              holder, (long long)(wait_ms / 1000));
        }
        pause_before(tries);
    }
}

void ms_gate_sign(int fd) {
    char text[32];
    int size = snprintf(text, sizeof text, "%-14d %-14d\n", (int)getpid(), (int)gettid());
    if (pwrite(fd, text, (size_t)size, 0) < 0)
        return; /* a full disk: only the holder's name is lost */
}

void ms_gate_leave(int fd) { (void)flock(fd, LOCK_UN); }

/* The process and thread that signed last, 0 when nobody did. */
static void read_signature(int fd, long *pid, long *tid) {
    char text[32] = "";
    char *rest = text;
    if (pread(fd, text, sizeof text - 1, 0) <= 0)
        text[0] = '\0';
    *pid = strtol(text, &rest, 10);
    *tid = strtol(rest, NULL, 10);
}

bool ms_gate_is_mine(int fd) {
    long pid = 0;
    long tid = 0;
    read_signature(fd, &pid, &tid);
    return pid == getpid() && tid == gettid();
}

int ms_gate_wait(void *context, int tries) {
    const int *fd = context;
    struct timespec pause = {.tv_nsec = tries < 20 ? 100000 : 500000};
    /* by now whoever holds the lock has signed for it */
    if (tries == SIGNED_AFTER && ms_gate_is_mine(*fd))
        return 0;
    (void)nanosleep(&pause, NULL);
    return tries < WAIT_TRIES;
}

void ms_gate_holder(int fd, char *out, int size) {
    char path[40];
    char name[32] = "";
    long pid = 0;
    long tid = 0;
    read_signature(fd, &pid, &tid);
    if (pid <= 0) {
        (void)snprintf(out, (size_t)size, "somebody");
        return;
    }
    (void)snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    ms_auto_close int comm = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = comm >= 0 ? read(comm, name, sizeof name - 1) : -1;
    if (got > 0)
        name[strcspn(name, "\n")] = '\0';
    (void)snprintf(out, (size_t)size, "process %ld%s%s%s", pid, got > 0 ? " (" : "", name,
                   got > 0 ? ")" : "");
}
