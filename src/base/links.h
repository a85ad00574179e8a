/* links.h - remembers the first name of files that have several.
 *
 * A hash table of (device, inode); it owns its paths. Zero-initialised is empty.
 */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

#include "base/text.h"

struct ms_err;

struct ms_link {
    dev_t device;
    ino_t inode;
    size_t path; /* where it begins in the table's paths, plus 1; 0: an empty slot */
};

struct ms_links {
    struct ms_link *slots;
    size_t room; /* a power of 2, or 0 */
    size_t count;
    struct ms_text paths; /* each with its NUL */
};

/* *first gets the path that was noted for this file before, borrowed until the next call; or NULL,
 * and path is noted. Fails: resource_exhausted. */
int ms_links_note(struct ms_links *links, const struct stat *st, const char *path,
                  const char **first, struct ms_err *err);

void ms_links_clear(struct ms_links *links);
