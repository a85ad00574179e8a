/* child_scene.h - what a command is to see, made by its init before it starts; for child.c alone.
 *
 * Changes the calling process: its root, its current directory, the mounts of its namespace.
 */
#pragma once

#include <stdint.h>

#include "sys/child.h"

struct ms_err;

/* Prepare, proc, dev, binds, root, in this order. *mount_id gets the id of spec->mounted. */
int ms_child_scene_make(const struct ms_child_spec *spec, uint64_t *mount_id, struct ms_err *err);
