/* name.h - what the name of an entry says; pure.
 *
 *     name                        meaning
 *     ./a//b/  a/b                the path "a/b"
 *     .  ./                       the path "": the root of the tree
 *     /a  a/../b  a\0 (empty)     refused
 *     d/.wh.NAME                  d/NAME of the layers below is hidden
 *     d/.wh..wh..opq              all of d in the layers below is hidden
 *     d/.wh..wh.x, below it too   nothing: bookkeeping of aufs
 *     d/.wh.a/b  .wh.  .wh...     refused
 *
 * Source: OCI image-spec layer.md, section Whiteouts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

struct ms_err;

#define MS_ENTRY_PATH_MAX 65536 /* bytes of a path in a source */
#define MS_WHITEOUT_PREFIX ".wh."
#define MS_WHITEOUT_OPAQUE ".wh..wh..opq"

enum ms_name_kind {
    MS_NAME_PLAIN,
    MS_NAME_WHITEOUT, /* the path names what is hidden: .wh. is taken off */
    MS_NAME_OPAQUE,   /* the path names the directory */
    MS_NAME_SKIP,
};

struct ms_name {
    enum ms_name_kind kind;
    struct ms_text path; /* relative, no ".", no "..", no empty component; "" is the root; owned */
    size_t base;         /* where its last component begins */
};

void ms_name_clear(struct ms_name *name);
#define ms_auto_name __attribute__((cleanup(ms_name_clear)))

/* Reads raw into *name, which may have been used before: its memory is used again.
 * Fails: invalid_argument (refused, see the table), resource_exhausted. */
int ms_name_parse(const char *raw, struct ms_name *name, struct ms_err *err);

/* The same without a meaning of .wh.: the target of a hard link. */
int ms_name_parse_target(const char *raw, struct ms_name *name, struct ms_err *err);

/* "" -> "."; any other path as it is: for messages. */
const char *ms_name_show(const char *path);
