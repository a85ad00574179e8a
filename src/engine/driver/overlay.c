#include "engine/driver/driver.h"

#include "base/err.h"
#include "engine/snapshot.h"

/* A view with a parent looks at its parent's layers and needs nothing of its own. */
static bool has_layer(int kind, bool has_parent) { return kind != MS_KIND_VIEW || !has_parent; }

/* The place was probed already (no overlay below, d_type); whether this process may mount is the
 * first mount's question. */
static int probe(const struct ms_place *place, struct ms_err *err) {
    (void)place;
    (void)err;
    return MS_OK;
}

const struct ms_driver ms_driver_overlay = {
    .name = "overlay",
    .resource = "snapshots/overlayfs",
    .stacks = true,
    .probe = probe,
    .has_layer = has_layer,
    .fill = NULL,
    .create = ms_layer_make,
    .mounts = ms_mount_overlay,
};
