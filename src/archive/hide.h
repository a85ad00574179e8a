/* hide.h - the marks that hide what lies in the layers below.
 *
 *     style                        a name                                 a whole directory
 *     MS_WHITEOUT_OVERLAY_TRUSTED  char device 0/0; where none can be     trusted.overlay.opaque=y
 *                                  made: an empty file with
 *                                  trusted.overlay.whiteout in a
 *                                  directory with ...opaque=x
 *     MS_WHITEOUT_OVERLAY_USER     the same with user.overlay.            user.overlay.opaque=y
 *     MS_WHITEOUT_DELETE           an empty file .wh.NAME                 an empty file
 * .wh..wh..opq
 *
 * The last are notes for the merge (merge.h) and never reach a layer.
 *
 * Source: Linux Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
 */
#pragma once

#include <stdbool.h>

struct ms_err;

struct ms_hider {
    int style;  /* enum ms_whiteout */
    bool files; /* a whiteout had to be a file: they are looked for from then on */
};

/* True when dir/name is a whiteout of an overlay style. */
bool ms_hide_is_mark(const struct ms_hider *hider, int dir, const char *name);

/* True when MS_WHITEOUT_DELETE has noted name of dir. */
bool ms_hide_is_noted(const struct ms_hider *hider, int dir, const char *name);

/* Hides name of dir from below. What is there already of this tree stays: a directory becomes
 * opaque, anything else hides by being there. Fails: permission_denied, resource_exhausted, ... */
int ms_hide_name(struct ms_hider *hider, int dir, const char *name, struct ms_err *err);

/* Hides all that the directory fd covers. */
int ms_hide_all(struct ms_hider *hider, int fd, struct ms_err *err);
