/* child.h - a command in a mount namespace (and pid namespace) of its own.
 *
 *     caller ── keeper ── init (pid 1 in there) ── the command
 *
 * The keeper makes the namespaces, init mounts, changes the root and reaps. Each dies when the one
 * before it does, so that even after SIGKILL of the caller (of the thread that started, to be
 * exact) no process and no mount is left. When the command ends, whatever it left running ends too.
 *
 *     step in init        what it does
 *     prepare(argument)   mounts whatever is to be the root; the host's paths still count
 *     proc, dev           only where the root has these directories, so that a layer is never
 *                         changed for them; /dev: null zero full random urandom tty console pts shm
 *     binds               sources of the host; missing targets are made in the root
 *     root                pivot_root, or chroot where that cannot be
 *
 * Where mount namespaces are refused and allow_chroot is set, the command gets a chroot into root
 * and nothing else: no prepare, binds, proc or dev, and what it leaves running stays.
 *
 * Keeper and init share the command's process group and session: what the terminal sends reaches
 * the command by itself. Signals sent to the keeper are handed on.
 *
 * Source: pid_namespaces(7), pivot_root(2), prctl(2) PR_SET_PDEATHSIG.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ms_err;

/* source, a directory or file of the host, seen at target. */
struct ms_child_bind {
    const char *source;
    const char *target; /* absolute in the new root; made when missing */
    bool readonly;
};

/* Borrowed until ms_child_start returns. */
struct ms_child_spec {
    char *const *argv;   /* ends with NULL; argv[0] is looked up in PATH, in the new root */
    char *const *envp;   /* ends with NULL; NULL: the caller's */
    const char *workdir; /* in the new root; NULL: "/", or where the caller is without a root */
    const char *root;    /* absolute: becomes "/"; NULL: the root stays */
    const struct ms_child_bind *binds;
    size_t binds_count;
    bool want_proc;
    bool want_dev;
    bool allow_chroot;
    int (*prepare)(void *argument, struct ms_err *err); /* or NULL: root is bound as it is */
    void *prepare_argument;
    const char *mounted; /* the mount whose id the caller wants, after prepare; NULL: root */
};

/* A running child; owns pidfd. */
struct ms_child {
    pid_t pid; /* the keeper's */
    int pidfd;
    uint64_t mount_namespace; /* ms_mountns_number; the caller's own with a chroot alone */
    uint64_t mount_id;        /* of spec.mounted; 0: unknown */
};

/* Starts the command and returns when it runs. Fails, with nothing left behind, as prepare does
 * and: not_found (no such command, workdir or bind source), permission_denied (no namespaces, not
 * executable), unimplemented (the root is a chroot), resource_exhausted. */
int ms_child_start(const struct ms_child_spec *spec, struct ms_child *out, struct ms_err *err);

/* Waits for the end: *status is the command's exit status or 128 and its signal's number. Meanwhile
 * SIGTERM, SIGHUP, SIGINT and SIGQUIT do not end the caller: they are handed on, except those that
 * the terminal sends, which the command has got itself. */
int ms_child_wait(struct ms_child *child, int *status, struct ms_err *err);

/* Kills, reaps and closes. Safe on a child that was waited for. */
void ms_child_clear(struct ms_child *child);
