/* spawn.h - starts a program beside us: no namespaces, no files of ours, no signals blocked.
 *
 *     stdin, stdout, stderr   what the caller says; all other descriptors are closed
 *     process group           its own, so that all it starts can be ended together
 *
 * For programs of the machine that automation may call; commands in snapshots are child.h's.
 *
 * Source: posix_spawn(3), pidfd_open(2).
 */
#pragma once

#include <sys/types.h>

struct ms_err;

/* Borrowed until ms_spawn returns. */
struct ms_spawn {
    char *const *argv; /* ends with NULL; argv[0] is an absolute path */
    char *const *envp; /* ends with NULL: all of the environment */
    int in;            /* its standard input; -1: /dev/null */
    int out;           /* its standard output and error; -1: /dev/null */
};

/* Starts it. *pid is to be reaped by the caller; *pidfd, readable once it has ended, is the
 * caller's to close. Fails: not_found (no such program), permission_denied (not executable),
 * resource_exhausted. */
int ms_spawn(const struct ms_spawn *spawn, pid_t *pid, int *pidfd, struct ms_err *err);
