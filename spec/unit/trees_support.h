/* trees_support.h - what the tests of trees on disk share: making trees, mounting, looking. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/err.h"
#include "unit_support.h"

/* RUN in a mount namespace of its own, for what mounts; said to be left out without root. */
static inline void run_test_alone(const char *name, void (*test)(void)) {
    int status = 0;
    if (geteuid() != 0) {
        (void)printf("SKIP %s: needs root\n", name);
        return;
    }
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(unshare(CLONE_NEWNS) == 0);
        CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        run_test(name, test);
        exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}
#define RUN_ALONE(test) run_test_alone(#test, test)

/* ---- Making trees ---------------------------------------------------------------------------- */

static inline void make_dir(const char *path) { CHECK(mkdir(path, 0755) == 0); }

static inline void make_file(const char *path, const char *content) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    CHECK(fd >= 0);
    CHECK(write(fd, content, strlen(content)) == (ssize_t)strlen(content));
    CHECK(close(fd) == 0);
}

/* A name that makes a path too long for the kernel when it comes 20 times. */
#define LONG_NAME                                                                                  \
    "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"   \
    "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"   \
    "0123456789012345678901234567890123456789"

/* Enters depth directories called name below the working directory, making them: no path to the
 * last one need be short enough for the kernel. */
static inline void make_deep(const char *name, int depth) {
    for (int i = 0; i < depth; i++)
        CHECK(mkdir(name, 0755) == 0 && chdir(name) == 0);
}

static inline void mount_tmpfs(const char *path) {
    CHECK(mount("none", path, "tmpfs", 0, NULL) == 0);
}

/* A descriptor of a directory; the caller closes it. */
static inline int open_dir(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static inline bool exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

/* Descriptors that this process has open. */
static inline int count_fds(void) {
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}
