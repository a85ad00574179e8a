/* folder.h - a directory as a source of entries.
 *
 * Walks by descriptors, never follows a link, never crosses a mount: a mount point is an empty
 * directory and is counted. Names of one file after the first are hard links. Memory holds the path
 * and, for files with several names, what was seen of them.
 */
#pragma once

#include "archive/attr.h"
#include "archive/entry.h"

struct ms_err;

struct ms_folder_request {
    dev_t store_dev; /* the store's root, which must not be inside; ino 0: none */
    ino_t store_ino;
    int target; /* the directory that is written to, which must not be inside either */
};

/* Begins at the directory fd (taken over, also on failure). summary is borrowed until free: mounts
 * are counted there.
 * Fails: failed_precondition (the target or the store is inside; next too), resource_exhausted,
 * internal. */
int ms_folder_open(int fd, const struct ms_folder_request *request,
                   struct ms_import_summary *summary, struct ms_source *out, struct ms_err *err);
