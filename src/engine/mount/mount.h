/* mount.h - says what to mount; never mounts.
 *
 * Turns a snapshot and its chain into the mounts a client performs to see it. Pure: opens no file
 * and makes no system call.
 *
 *     kind      parents   result
 *     active    0         bind of its own layer; rw, rbind
 *     view      0         bind of its own layer; ro, rbind
 *     view      1         bind of that parent's layer; ro, rbind
 *     active    1 ..      overlay: workdir, upperdir, lowerdir (nearest parent first), extras
 *     view      2 ..      overlay: lowerdir, extras
 *
 * Mapping labels put uidmap= and gidmap= before everything else. Extras are the configured options,
 * then userxattr, then index=off; they never go onto binds.
 *
 * Source: containerd plugins/snapshots/overlay/overlay.go; Linux filesystems/overlayfs.rst.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ms_err;

/* One instruction. Owns its strings. target is "" (the root of what is mounted). */
struct ms_mount {
    char *type;   /* "overlay" or "bind" */
    char *source; /* "overlay", or the absolute path to bind */
    char *target;
    char **options;
    size_t options_count;
};

struct ms_mounts {
    struct ms_mount *items;
    size_t count;
};

void ms_mounts_clear(struct ms_mounts *mounts);
#define ms_auto_mounts __attribute__((cleanup(ms_mounts_clear)))

/* What to build from; everything is borrowed. */
struct ms_mount_plan {
    const char *root;       /* absolute; layers are ROOT/layers/N, work is ROOT/work/N */
    int kind;               /* MS_KIND_ACTIVE or MS_KIND_VIEW */
    long long number;       /* the snapshot's own */
    const long long *chain; /* parents' numbers, nearest first */
    size_t chain_count;     /* 0 .. MS_CHAIN_MAX */
    const char *uidmap;     /* value of the mapping label, or NULL */
    const char *gidmap;
    const char *const *extras; /* further overlay options in order, or NULL */
    size_t extras_count;
    bool userxattr;
    bool index_off;
};

/* Builds the one mount of an overlay snapshot. out is filled on success and then the caller's.
 * Fails: resource_exhausted (memory, or more lower layers than MS_CHAIN_MAX). */
int ms_mount_overlay(const struct ms_mount_plan *plan, struct ms_mounts *out, struct ms_err *err);

/* Builds the one bind of a native snapshot: source ROOT/layers/<number of the layer that is seen>,
 * options rbind, then rw or ro. A view with a parent sees that parent's layer. */
int ms_mount_native(const struct ms_mount_plan *plan, struct ms_mounts *out, struct ms_err *err);
