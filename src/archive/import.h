/* import.h - brings a tree in: from a tar stream or from a directory, into a staged layer.
 *
 *     ms_import_open     opens the source
 *     ms_import_step     1 while there is more, 0 when all is written, <0 on failure
 *     ms_import_free     at any time; before the end or after a failure the target holds a part
 *
 * Owners, modes, times (to the nanosecond), xattrs, ACLs, hard links, devices, fifos, symbolic
 * links and holes come in as they are. Later entries of one name win; a directory over a directory
 * merges. Parents that the source leaves out are made 0755. Names are bytes.
 *
 * Nothing outside the target is touched, whatever the source says: entries named absolutely or
 * with "..", hard links that lead outside or nowhere, and entries written through a symbolic link
 * are refused with invalid_argument. Symbolic links may point anywhere and are kept.
 *
 * What hides something of the parent, and what becomes of it:
 *
 *     in the source                       overlay store            native store (DELETE)
 *     .wh.NAME, or char device 0/0        whiteout                 parent's NAME is removed
 *     .wh..wh..opq, or overlay opaque=y   <ns>.overlay.opaque=y    parent's entries are removed
 *     other .wh..wh. names                skipped                  skipped
 *     other overlay xattrs                dropped                  dropped
 *
 * They only hide what comes from below, never entries of the same source, in whatever order the
 * two come. With DELETE the target holds a copy of the parent when the import begins.
 *
 * Where only one user id is to be had (an ordinary user, or a user namespace with one id), or where
 * an id has no mapping, owners are squashed to the caller's, set-id bits of foreign owners are
 * dropped, devices and xattrs that cannot be made are skipped; all of it is counted in the summary.
 * strict refuses instead, with permission_denied, naming the entry.
 *
 * A directory is read without crossing mounts: a mount point comes in as an empty directory and
 * is counted. Memory stays bounded by the deepest path (and, for a directory, its hard links).
 *
 * Source: OCI image-spec layer.md (whiteouts); Linux Documentation/filesystems/overlayfs.rst.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ms_err;
struct ms_import;

enum ms_whiteout {
    MS_WHITEOUT_OVERLAY_TRUSTED, /* trusted.overlay.* */
    MS_WHITEOUT_OVERLAY_USER,    /* user.overlay.* */
    MS_WHITEOUT_DELETE,          /* the target is a copy of the parent, or has none */
};

/* What to bring in. Borrowed for the call. */
struct ms_import_request {
    const char *path;   /* a directory or a tar, compressed or not; NULL: read fd */
    int fd;             /* a directory, a file or a pipe, which the import opens for itself */
    int whiteout;       /* enum ms_whiteout */
    bool has_parent;    /* the layer will lie on a parent (overlay cannot hide all of a root) */
    bool squash_owners; /* squash even where ids are to be had */
    bool strict;        /* refuse what would be squashed or skipped */
    dev_t store_dev;    /* the store's root: a source directory that holds it is refused */
    ino_t store_ino;    /* 0: none */
};

/* What was done, and what could not be kept. */
struct ms_import_summary {
    int64_t entries;         /* entries of the source, whiteouts too */
    int64_t bytes;           /* bytes of file content written, holes not counted */
    int64_t whiteouts;       /* names hidden, and opaque directories */
    int64_t squashed_owners; /* entries whose owner or group is not the source's */
    int64_t skipped_devices;
    int64_t skipped_xattrs;
    int64_t skipped_mounts; /* mount points in a source directory, left empty */
    char first_note[240];   /* the first of these, in words; "" when nothing was lost */
};

/* How far it is. */
struct ms_import_progress {
    int64_t entries;
    int64_t bytes_read;  /* of the stream as it lies (compressed), or of file content */
    int64_t bytes_total; /* size of the source when it is a regular file, else -1 */
};

/* Opens the source. target is the staged directory: borrowed until free; empty, but for DELETE.
 * Fails: not_found, permission_denied (the source), invalid_argument (a source that can be none),
 * failed_precondition (the directory holds the target), resource_exhausted. */
int ms_import_open(int target, const struct ms_import_request *request, struct ms_import **out,
                   struct ms_err *err);

/* Does up to budget units of work: an entry is one, and so is each started MiB of content.
 * Returns 1 when there is more to do, 0 when everything is written. After a failure only free.
 * Fails: invalid_argument (not a tar; an entry that is refused, named), data_loss (the archive is
 * cut or damaged, in libarchive's words), permission_denied (strict; the target),
 * resource_exhausted (disk full, quota), failed_precondition (the directory holds the store). */
int ms_import_step(struct ms_import *import, size_t budget, struct ms_err *err);

void ms_import_progress(const struct ms_import *import, struct ms_import_progress *out);

/* Valid at any time; final once step has returned 0. */
void ms_import_summary(const struct ms_import *import, struct ms_import_summary *out);

/* Closes and frees; NULL is fine. Never touches the target. */
void ms_import_free(struct ms_import *import);
