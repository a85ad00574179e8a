/* driver.h - what differs between ways to keep a layer: one struct of functions.
 *
 *     overlay   a layer holds changes only; parents are stacked by the kernel at mount time
 *     native    a layer is a whole tree; a child starts as a copy of its parent
 *
 *     member     called                                   may fail with
 *     probe      once at open, nothing held               unimplemented, failed_precondition
 *     has_layer  before create: pure                      -
 *     fill       outside any transaction, by steps,       what copying fails with
 *                into a staged directory; NULL: never
 *     create     inside the row's transaction             resource_exhausted, permission_denied
 *     mounts     anywhere: pure                           resource_exhausted
 *
 * Sealing, usage and removal are the same for every driver whose layer is a directory under
 * layers/: they stand in sealing.h, usage.h and layer.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/layer/layer.h"
#include "engine/mount/mount.h"

struct ms_err;
struct ms_copy;

struct ms_driver {
    const char *name;
    const char *resource; /* what leases call its snapshots: "snapshots/<snapshotter>" */
    /* Layers carry overlay xattrs and whiteouts, so the store's xattr world matters. */
    bool stacks;

    /* Can this driver work under the root that place has open? */
    int (*probe)(const struct ms_place *place, struct ms_err *err);

    /* Does a snapshot of this kind have a directory of its own? */
    bool (*has_layer)(int kind, bool has_parent);

    /* Starts filling the empty directory to_fd from the parent's layer from_fd. */
    int (*fill)(int from_fd, int to_fd, struct ms_copy **out, struct ms_err *err);

    /* Makes the directories of a new snapshot. */
    int (*create)(const struct ms_place *place, const struct ms_layer_spec *spec,
                  struct ms_err *err);

    int (*mounts)(const struct ms_mount_plan *plan, struct ms_mounts *out, struct ms_err *err);
};

extern const struct ms_driver ms_driver_overlay;
extern const struct ms_driver ms_driver_native;

/* The driver of that name, or NULL. */
const struct ms_driver *ms_driver_find(const char *name);
