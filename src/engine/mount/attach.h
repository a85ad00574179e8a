/* attach.h - performs mounts, and tells what is mounted.
 *
 * Overlay goes through the new mount API with a file descriptor for each layer where the kernel has
 * it, else through mount(2) with the lowers shortened to their common directory (from a thread with
 * a cwd of its own: the caller's never moves). Which one is found by probe at the first mount of
 * the process and never at open. Options that mount(2) would cut at 4,095 bytes are refused.
 *
 *     attach.c                          the front
 *     attach_plan.c                     options read back
 *     attach_fd.c, attach_classic.c     the two ways
 *     attach_probe.c                    whether an overlay uses a layer
 *     attached.c                        what is mounted, here and in other mount namespaces
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/mount/mount.h"

struct ms_err;

/* Mounts all of mounts on the existing directory target (absolute). readonly adds ro to the last.
 * *mount_id gets the kernel's id of the topmost mount (statx STATX_MNT_ID; 0 when unknown).
 * On failure nothing stays mounted.
 * Fails: not_found (target, or a layer is gone), invalid_argument (target is no directory),
 * permission_denied (no right to mount here), resource_exhausted (options over 4,095 bytes, too
 * many layers), unimplemented (unknown type or option). */
int ms_attach(const struct ms_mounts *mounts, const char *target, bool readonly, uint64_t *mount_id,
              struct ms_err *err);

/* Unmounts what is on target; lazy lets a busy one go when its last user is gone.
 * Fails: not_found (nothing is mounted there), failed_precondition (busy), permission_denied. */
int ms_detach(const char *target, bool lazy, struct ms_err *err);

/* Which way overlay mounts go: "fd" (new API) or "classic". Probes at the first call. */
const char *ms_attach_way(void);

/* Is the layer upper (absolute path) the upper of an overlay in any mount namespace? Asked by
 * creating, without attaching, an overlay with index=on, that upper, and a workdir on another
 * mount: EBUSY says yes. Costs 1.5 to 3 ms and a line in the kernel's log. *in_use is false too
 * when the kernel cannot say (no new mount API, no right): *known tells. */
int ms_upper_in_use(const char *upper, bool *in_use, bool *known, struct ms_err *err);

/* Is the mount with this id and target still there, in the mount namespace of this process?
 * target as in mountinfo. mount_id 0 compares the target only. */
int ms_attached_here(const char *target, uint64_t mount_id, bool *attached, struct ms_err *err);

/* The same in the mount namespace with that number (ms_mount_namespace), asked of any live process
 * that is in it. *known is false when that is not enough to tell: the mount may live. When no
 * process is in it, the namespace and its mounts are gone and *known is true, if this process sees
 * all that could be: it lives in the same pid namespace as the one that took the number (or in the
 * first), and no process of its own user hides its namespaces. Other users' are not asked: nobody
 * but a store's owner mounts it. */
int ms_attached_in(uint64_t mount_namespace, const char *target, uint64_t mount_id, bool *attached,
                   bool *known, struct ms_err *err);

/* A number for this process's mount namespace, 0 when it cannot be read. */
uint64_t ms_mount_namespace(void);
