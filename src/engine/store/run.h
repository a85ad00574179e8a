/* run.h - runs a command in a snapshot, in a mount namespace of the command's own.
 *
 *     the snapshot is               the command sees
 *     an active                     it, writable; through its mount when this store has mounted it
 * here a view                        it, read-only an active, readonly           it, read-only
 *     committed                     - (the caller makes a child of it)
 *
 * The mount is recorded like any other, so remove and commit refuse the snapshot meanwhile; it ends
 * with the namespace, which ends with the command, and with the caller when that is killed.
 *
 * Where neither mount nor user namespaces are allowed, a snapshot that is one writable bind
 * (native) is entered by chroot instead: without binds, and unrecorded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ms_err;
struct ms_store;

/* A directory or file of the host, to be seen at target in the new root. */
struct ms_run_bind {
    const char *source;
    const char *target;
    bool readonly;
};

/* Borrowed for the call. */
struct ms_run {
    const char *key;
    char *const *argv; /* ends with NULL; argv[0] is looked up in PATH */
    char *const *envp; /* ends with NULL; NULL: the caller's environment */
    const char *at;    /* mount on this directory and stay in the host's tree; NULL: become root */
    const char *workdir; /* NULL: "/" of a root, or at */
    const struct ms_run_bind *binds;
    size_t binds_count;
    bool readonly;
};

/* Looks up, mounts, records, runs and waits. *status is the command's exit status, or 128 and the
 * number of the signal that ended it. Counts as a use.
 * Fails, always before the command began: as ms_store_mount does, and not_found (no such command,
 * no such directory), permission_denied, failed_precondition (a transaction is open; committed). */
int ms_store_run(struct ms_store *store, const char *ns, const struct ms_run *run, int *status,
                 struct ms_err *err);
