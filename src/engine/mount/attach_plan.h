/* attach_plan.h - one mount instruction, read back into what the kernel is to be told.
 *
 *     option                                       becomes
 *     lowerdir= upperdir= workdir=                 layers (overlay)
 *     uidmap= gidmap=                              the mapping of an idmapped mount
 *     ro nosuid nodev noexec noatime ... rbind     flags
 *     rw suid dev exec ... defaults                the flag taken back
 *     anything else                                extras: the file system's own (overlay)
 *
 * Pure. Of two that contradict the last one counts. Layers hold no ':', ',' or '\', as the paths of
 * a store do: then no way of mounting needs to escape anything.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/mount/mount.h"

struct ms_err;

/* Borrows from the mount, but owns the arrays and lower_text. */
struct ms_attach_plan {
    bool overlay;
    const char *source;
    const char *upper; /* NULL: no upper */
    const char *work;
    const char **lowers; /* nearest first */
    size_t lowers_count;
    const char **extras;
    size_t extras_count;
    const char *uidmap; /* both or neither */
    const char *gidmap;
    unsigned long flags; /* MS_* */
    char *lower_text;
};

void ms_attach_plan_clear(struct ms_attach_plan *plan);
#define ms_auto_attach_plan __attribute__((cleanup(ms_attach_plan_clear)))

/* Reads a mount. readonly adds ro; an overlay's upper then becomes its first lower where there is
 * room, so that looking claims no work directory. Fails: unimplemented (type, target or option that
 * nobody here knows), invalid_argument (layers missing or with bytes that would need escaping),
 * resource_exhausted. */
int ms_attach_plan_read(const struct ms_mount *mount, bool readonly, struct ms_attach_plan *out,
                        struct ms_err *err);

/* MOUNT_ATTR_* bits for MS_* flags. */
uint64_t ms_attach_attributes(unsigned long flags);

/* Bytes of the path, with its slash, of the directory that holds all lowers. */
size_t ms_attach_common(const struct ms_attach_plan *plan);
