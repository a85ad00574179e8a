#include "sys/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"
#include "base/text.h"

#define UNMAPPED 4294967295UL /* what uid_map shows for an id that the reader's namespace lacks */

/* The first line of a uid_map: ids inside, ids outside as the reader sees them, how many. */
struct map_line {
    unsigned long inside;
    unsigned long outside;
    unsigned long count;
};

static bool read_map(const char *path, struct map_line *out) {
    char text[256];
    ms_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (size <= 0)
        return false;
    text[size] = '\0';
    char *at = text;
    out->inside = strtoul(at, &at, 10);
    out->outside = strtoul(at, &at, 10);
    out->count = strtoul(at, &at, 10);
    return true;
}

bool ms_userns_initial(void) {
    struct map_line own;
    if (!read_map("/proc/self/uid_map", &own))
        return access("/proc/self/uid_map", F_OK) < 0;
    return own.inside == 0 && own.outside == 0 && own.count == UNMAPPED;
}

bool ms_userns_may_mount(const char *pid) {
    char path[64];
    struct map_line own;
    struct map_line other;
    if (!read_map("/proc/self/uid_map", &own) || own.count != 1 || own.outside == 0)
        return true;
    (void)snprintf(path, sizeof path, "/proc/%.20s/uid_map", pid);
    return read_map(path, &other) && other.outside != UNMAPPED; /* unread: it has just ended */
}

static bool has_sys_admin(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    if (syscall(SYS_capget, &header, data) < 0)
        return false;
    return (data[0].effective & (1U << CAP_SYS_ADMIN)) != 0;
}

/* What a step into new namespaces came to: small enough for one write to a pipe. */
struct outcome {
    int kind;
    int sys;
};

/* Makes what is mounted from now on stay in this mount namespace. */
static struct outcome keep_mounts_in(void) {
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
        return (struct outcome){0};
    int sys = errno;
    return (struct outcome){sys == EINVAL ? MS_UNIMPLEMENTED : ms_kind_of_errno(sys), sys};
}

static struct outcome enter_mountns(void) {
    if (unshare(CLONE_NEWNS) < 0)
        return (struct outcome){ms_kind_of_errno(errno), errno};
    return keep_mounts_in();
}

/* Writes a file of /proc: 0, or the errno. */
static int write_proc(const char *path, const char *text, size_t size) {
    ms_auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, size) != (ssize_t)size)
        return errno;
    return 0;
}

static int map_self(const char *path, unsigned outside) {
    char text[32];
    int size = snprintf(text, sizeof text, "0 %u 1\n", outside);
    return write_proc(path, text, (size_t)size);
}

static struct outcome enter_userns(void) {
    unsigned uid = geteuid();
    unsigned gid = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
        int kind = ms_kind_of_errno(errno);
        if (errno == EINVAL) /* several threads, or a kernel without */
            kind = MS_FAILED_PRECONDITION;
        if (errno == ENOSPC || errno == EUSERS)
            kind = MS_RESOURCE_EXHAUSTED;
        return (struct outcome){kind, errno};
    }
    int sys = write_proc("/proc/self/setgroups", "deny", 4);
    if (sys == ENOENT) /* before 3.19 */
        sys = 0;
    if (sys == 0)
        sys = map_self("/proc/self/uid_map", uid);
    if (sys == 0)
        sys = map_self("/proc/self/gid_map", gid);
    return sys != 0 ? (struct outcome){MS_PERMISSION_DENIED, sys} : keep_mounts_in();
}

/* Does step in a forked child that ends at once, and tells what came of it. */
static struct outcome try_in_child(struct outcome (*step)(void)) {
    int ends[2] = {-1, -1};
    struct outcome outcome = {MS_INTERNAL, ECHILD};
    if (pipe2(ends, O_CLOEXEC) < 0)
        return (struct outcome){ms_kind_of_errno(errno), errno};
    ms_auto_close int in = ends[0];
    ms_auto_close int out = ends[1];
    pid_t child = fork();
    if (child < 0)
        return (struct outcome){ms_kind_of_errno(errno), errno};
    if (child == 0) {
        outcome = step();
        _exit(write(out, &outcome, sizeof outcome) == (ssize_t)sizeof outcome ? 0 : 1);
    }
    (void)close(ms_take_fd(&out));
    ssize_t size = 0;
    do
        size = read(in, &outcome, sizeof outcome);
    while (size < 0 && errno == EINTR);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    return size == (ssize_t)sizeof outcome ? outcome : (struct outcome){MS_INTERNAL, ECHILD};
}

bool ms_can_mount(void) { return has_sys_admin() && try_in_child(enter_mountns).kind == 0; }

/* What a refusal to enter a user namespace means for the person who asked. */
static const char *userns_reason(int kind) {
    switch (kind) {
    case MS_PERMISSION_DENIED:
        return "unprivileged user namespaces are not allowed here";
    case MS_RESOURCE_EXHAUSTED:
        return "there are too many, or user.max_user_namespaces is 0";
    case MS_FAILED_PRECONDITION:
        return "this process has more than one thread, or the kernel has no user namespaces";
    default:
        return "the kernel refused";
    }
}

static int explain_userns(struct outcome outcome, struct ms_err *err) {
    int kind = ms_err_set(err, outcome.kind, "enter a user namespace: %s (%s)",
                          userns_reason(outcome.kind), strerror(outcome.sys));
    err->sys = outcome.sys;
    return kind;
}

int ms_userns_enter(struct ms_err *err) {
    struct outcome outcome = try_in_child(enter_userns);
    if (outcome.kind == 0)
        outcome = enter_userns();
    return outcome.kind != 0 ? explain_userns(outcome, err) : MS_OK;
}

int ms_mountns_enter(struct ms_err *err) {
    struct outcome outcome = try_in_child(enter_mountns);
    if (outcome.kind == 0)
        outcome = enter_mountns();
    if (outcome.kind == MS_UNIMPLEMENTED && outcome.sys == EINVAL)
        return ms_err_set(err, outcome.kind,
                          "enter a mount namespace: the root is no mount point (a chroot), so "
                          "mounts could not be kept inside");
    return outcome.kind != 0
               ? ms_err_set(err, outcome.kind, "enter a mount namespace: %s", strerror(outcome.sys))
               : MS_OK;
}

/* ---- Numbers of mount namespaces -------------------------------------------------------------*/

/* Inode numbers of namespaces have 32 bits of which the first is always set. */
#define INODE_BITS 32
#define SHORT_MASK 0x7fffffffULL

static uint64_t inode_of(const char *path) {
    struct stat found;
    return stat(path, &found) == 0 ? (uint64_t)found.st_ino : 0;
}

uint64_t ms_pidns_short(void) { return inode_of("/proc/self/ns/pid") & SHORT_MASK; }

uint64_t ms_mountns_number(pid_t pid) {
    char path[64];
    if (pid == 0)
        (void)snprintf(path, sizeof path, "/proc/self/ns/mnt");
    else
        (void)snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)pid);
    uint64_t inode = inode_of(path);
    return inode == 0 ? 0 : ms_pidns_short() << INODE_BITS | inode;
}

uint64_t ms_mountns_inode(uint64_t number) { return number & ((1ULL << INODE_BITS) - 1); }

uint64_t ms_mountns_pidns(uint64_t number) { return number >> INODE_BITS; }

/* ---- A user namespace for idmapped mounts ----------------------------------------------------*/

/* "CONTAINER:HOST:SIZE,..." as uid_map wants it: blanks, and a line each. */
static int write_map(pid_t pid, const char *file, const char *mapping, struct ms_err *err) {
    char path[64];
    ms_auto_text struct ms_text text = {0};
    ms_text_puts(&text, mapping);
    ms_text_puts(&text, "\n");
    if (text.failed)
        return ms_text_check(&text, err);
    for (char *at = text.bytes; *at != '\0'; at++) {
        if (*at == ':')
            *at = ' ';
        else if (*at == ',')
            *at = '\n';
    }
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    int sys = write_proc(path, text.bytes, text.size);
    return sys != 0 ? ms_err_sys(err, sys, "map owners by '%.80s'", mapping) : MS_OK;
}

/* A child that lives in a user namespace of its own until it is killed. */
static pid_t start_sleeper(pid_t parent) {
    pid_t child = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (child != 0)
        return child;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == parent)
        (void)pause();
    _exit(0);
}

int ms_userns_open(const char *uidmap, const char *gidmap, int *fd, struct ms_err *err) {
    char path[64];
    int found = -1;
    pid_t child = start_sleeper(getpid());
    if (child < 0)
        return ms_err_sys(err, errno, "make a user namespace");
    int code = write_map(child, "uid_map", uidmap, err);
    if (code == MS_OK)
        code = write_map(child, "gid_map", gidmap, err);
    (void)snprintf(path, sizeof path, "/proc/%d/ns/user", (int)child);
    if (code == MS_OK && (found = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        code = ms_err_sys(err, errno, "open a user namespace");
    (void)kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    if (code == MS_OK)
        *fd = found;
    return code;
}
