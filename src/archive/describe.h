/* describe.h - the entry that a file on disk is.
 *
 * A struct ms_description owns the memory that the entry borrows; it is used again by the next
 * call. Zero-initialised is empty.
 */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

#include "archive/attr.h"
#include "archive/entry.h"
#include "base/text.h"

struct ms_err;

struct ms_description {
    struct ms_xattr *xattrs;
    size_t count;
    size_t room;
    struct ms_text names;
    struct ms_text values;
    struct ms_text link;
};

/* Fills *out from what lies at *at: st, its xattrs and a link's target. path is borrowed by *out.
 * Fails: permission_denied, resource_exhausted, not_found (it has gone), internal. */
int ms_describe(struct ms_description *description, const struct ms_at *at, const struct stat *st,
                struct ms_entry *out, struct ms_err *err);

void ms_description_clear(struct ms_description *description);
#define ms_auto_description __attribute__((cleanup(ms_description_clear)))
