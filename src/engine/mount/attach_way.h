/* attach_way.h - the two ways to perform one planned mount; for attach*.c alone.
 *
 *     fd        fsopen, layers as descriptors, open_tree; no limit on paths
 *     classic   mount(2): its data is one page, of which the kernel silently drops what is too much
 *
 * Either mounts plan on target and answers the mount's id, or leaves nothing behind.
 */
#pragma once

#include <stdint.h>

#include "engine/mount/attach_plan.h"

struct ms_err;

/* Bytes of mount data that the kernel reads: the last one of the page is a NUL. */
#define MS_CLASSIC_MAX 4095

int ms_attach_fd(const struct ms_attach_plan *plan, const char *target, uint64_t *mount_id,
                 struct ms_err *err);

/* Lowers are shortened to their common directory when they would not fit; a helper thread with a
 * current directory of its own then mounts. Fails also: resource_exhausted when they still do not,
 * unimplemented for mappings. */
int ms_attach_classic(const struct ms_attach_plan *plan, const char *target, uint64_t *mount_id,
                      struct ms_err *err);
