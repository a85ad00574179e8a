#include "base/copy.h"
#include "engine/driver/driver.h"
#include "engine/snapshot.h"

/* A view with a parent looks at its parent's tree. */
static bool has_layer(int kind, bool has_parent) { return kind != MS_KIND_VIEW || !has_parent; }

/* A tree of files is all it needs. */
static int probe(const struct ms_place *place, struct ms_err *err) {
    (void)place;
    (void)err;
    return 0;
}

/* There is nothing to merge, so no work directory. */
static int create(const struct ms_place *place, const struct ms_layer_spec *spec,
                  struct ms_err *err) {
    struct ms_layer_spec plain = *spec;
    plain.work = false;
    return ms_layer_make(place, &plain, err);
}

const struct ms_driver ms_driver_native = {
    .name = "native",
    .resource = "snapshots/native",
    .stacks = false,
    .probe = probe,
    .has_layer = has_layer,
    .fill = ms_copy_open,
    .create = create,
    .mounts = ms_mount_native,
};
