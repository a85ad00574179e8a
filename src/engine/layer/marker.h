/* marker.h - the row of a committed snapshot, kept beside its layer.
 *
 * A marker is a symlink layers/<n>.row whose target is the row as text; what does not fit goes on
 * in <n>.row1, <n>.row2, ... A symlink needs no fsync of its own: the next one of layers/ makes it
 * durable, which is the commit's, or a service's that follows soon. One that a power cut took is
 * written again at the next open. From the markers a lost database is rebuilt.
 *
 * The text is a list of netstrings ("5:hello,"): the word moonsnap1, number, parent's number (0 for
 * none), created, updated, size, inodes, how many labels, the store's driver and overlay xattrs,
 * namespace, name, then name and value of each label.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/snapshot.h"

struct ms_err;

/* Owns its strings. */
struct ms_marker {
    int64_t number;
    int64_t parent;
    int64_t created_ns;
    int64_t updated_ns;
    struct ms_usage usage;
    char *driver; /* what store it is from */
    char *xattrs;
    char *ns;
    char *name;
    struct ms_labels labels;
};

void ms_marker_clear(struct ms_marker *marker);
#define ms_auto_marker __attribute__((cleanup(ms_marker_clear)))

/* Writes the marker, replacing an older one. Fails as symlink and rename do. */
int ms_marker_write(int layers_fd, const struct ms_marker *marker, struct ms_err *err);

/* Do both say the same? Fails: resource_exhausted. */
int ms_marker_same(const struct ms_marker *left, const struct ms_marker *right, bool *same,
                   struct ms_err *err);

/* Fails: not_found, data_loss (cut, or not a marker of this number). */
int ms_marker_read(int layers_fd, int64_t number, struct ms_marker *out, struct ms_err *err);

/* Removes the marker of a number, if there is one. */
void ms_marker_drop(int layers_fd, int64_t number);
