/* diff.h - what changed, entry by entry.
 *
 *     mode      looks at                          for
 *     layer     the layer's own entries only      overlay: what a snapshot changed of its parent
 *     compare   both merged trees                 two snapshots; native, whose layers are whole
 * trees
 *
 *     change    the entry
 *     added     is not in what it is compared with
 *     changed   is there with another type, mode, owner, size, time or content; a directory only
 * for itself removed   is gone; what was in it is not listed opaque    a directory that hides all
 * that was in it; what it has now follows as added
 *
 * Entries come sorted by name in each directory, a directory before what is in it. In compare mode
 * a file whose type, mode, owner, size and time are the same is the same: content is not read.
 *
 * Paths are resolved below each layer's absolute path: an entry whose path is longer than PATH_MAX
 * is refused with invalid_argument.
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
    int64_t size_bytes; /* of a regular file, else 0 */
};

int ms_diff_open(const struct ms_diff_request *request, struct ms_diff **out, struct ms_err *err);

/* 1 and *out, or 0 at the end. */
int ms_diff_next(struct ms_diff *diff, struct ms_change *out, struct ms_err *err);

void ms_diff_free(struct ms_diff *diff);
