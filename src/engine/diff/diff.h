/* diff.h - what changed, entry by entry.
 *
 *     mode      looks at                        for
 *     layer     the layer's own entries only    overlay: what a snapshot changed of its parent
 *     compare   both merged trees               two snapshots; native, where layers are whole trees
 *
 *     change    the entry
 *     added     is not in what it is compared with
 *     changed   is there too, but differs; a directory only when it does so itself
 *     removed   is gone; what was in it is not listed
 *     opaque    is a directory that hides all that was in it; what it has now follows as added
 *
 * An entry differs by type, mode, owner, extended attributes (overlay's own aside) and, unless it
 * is a directory, by size and time of change; content is not read. In layer mode whatever but a
 * directory lies in the layer differs. Entries come sorted by name in each directory, a directory
 * before what is in it.
 *
 * Source: Linux filesystems/overlayfs.rst (whiteouts, opaque directories).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ms_err;
struct ms_diff;

struct ms_diff_request {
    const char *const *layers; /* the snapshot's, nearest first; absolute paths, borrowed */
    size_t layers_count;
    const char *const *others; /* what it is compared with, the same way */
    size_t others_count;
    bool compare;     /* compare mode; else layers[0] is the layer and others its parents */
    bool stacks;      /* whiteouts and opaque directories mean something */
    bool user_xattrs; /* which overlay xattrs they use */
};

/* Strings are borrowed from the diff until its next call. */
struct ms_change {
    const char *change; /* "added", "changed", "removed", "opaque" */
    const char *path;   /* from the root, without a leading slash */
    const char *type;   /* "file", "directory", "symlink", "fifo", "socket", "char", "block" */
    int64_t size_bytes; /* of a regular file, else 0; of what is gone when removed */
};

int ms_diff_open(const struct ms_diff_request *request, struct ms_diff **out, struct ms_err *err);

/* 1 and *out, or 0 at the end. */
int ms_diff_next(struct ms_diff *diff, struct ms_change *out, struct ms_err *err);

void ms_diff_free(struct ms_diff *diff);
