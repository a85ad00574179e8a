/* attr.h - owner, mode, xattrs and times of what an import made, and the count of what it could not
 * keep.
 *
 * Order: owner, xattrs, mode, times. A new owner clears set-id bits and capabilities, and an xattr
 * can only be written while the mode still lets its owner write.
 *
 * Overlay's xattrs are never written as the source has them (a redirect or metacopy of a foreign
 * hand would show files of other layers); opaque and whiteout are the sink's to translate.
 *
 * A struct ms_keeper says what may be squashed and counts it in a summary that it borrows.
 */
#pragma once

#include <stdbool.h>

#include "archive/entry.h"

struct ms_keeper {
    bool squash; /* all owners */
    bool strict; /* refuse instead */
    struct ms_import_summary *summary;
};

/* What the attributes are set on: an open file or directory, or (fd -1) a name in a directory that
 * is no directory itself. path is for messages. */
struct ms_at {
    int fd;
    int dir;
    const char *name;
    const char *path;
};

/* True when this process can have files of one owner only: it may not chown, or its user namespace
 * maps a single id. */
bool ms_attr_one_owner(void);

/* Owner and xattrs; *mode gets the mode that is to be set at last (foreign set-id bits may be
 * gone). Fails: permission_denied (strict, naming the entry), resource_exhausted, internal. */
int ms_attr_owner(const struct ms_keeper *keeper, const struct ms_at *at,
                  const struct ms_entry *entry, mode_t *mode, struct ms_err *err);

/* The overlay part of an xattr's name ("opaque" of "user.overlay.opaque"), NULL when it is none. */
const char *ms_attr_overlay(const char *name);

/* The value of the entry's overlay xattr of that part, in either namespace, or NULL. */
const struct ms_xattr *ms_attr_find_overlay(const struct ms_entry *entry, const char *part);

/* Counts one loss in *counter and words it in the first note; with strict fails with
 * permission_denied and those words. */
int ms_attr_lose(const struct ms_keeper *keeper, int64_t *counter, struct ms_err *err,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
