#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

#include "base/err.h"
#include "base/own.h"
#include "engine/mount/attach_way.h"
#include "sys/mountapi.h"
#include "sys/userns.h"

static int set_layer(int fs, const char *key, int at, const char *path, struct ms_err *err) {
    ms_auto_close int fd = openat(at, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ms_err_sys(err, errno, "layer %.150s", path);
    return ms_fs_set_fd(fs, key, fd, err);
}

/* With mapped owners lowers are looked up in mapped, which shows their common directory and must
 * stay open until the overlay is made; it is -1 otherwise. */
static int set_lowers(int fs, const struct ms_attach_plan *plan, int mapped, struct ms_err *err) {
    size_t skip = mapped >= 0 ? ms_attach_common(plan) : 0;
    int at = mapped >= 0 ? mapped : AT_FDCWD;
    int code = MS_OK;
    for (size_t i = 0; i < plan->lowers_count && code == MS_OK; i++)
        code = set_layer(fs, "lowerdir+", at, plan->lowers[i] + skip, err);
    return code;
}

static int set_extra(int fs, const char *extra, struct ms_err *err) {
    const char *equals = strchr(extra, '=');
    if (equals == NULL)
        return ms_fs_set(fs, extra, NULL, err);
    ms_auto_free char *key = strndup(extra, (size_t)(equals - extra));
    if (key == NULL)
        return ms_err_memory(err);
    return ms_fs_set(fs, key, equals + 1, err);
}

static int set_all(int fs, const struct ms_attach_plan *plan, int mapped, struct ms_err *err) {
    int code = ms_fs_set(fs, "source", plan->source, err);
    for (size_t i = 0; i < plan->extras_count && code == MS_OK; i++)
        code = set_extra(fs, plan->extras[i], err);
    if (code == MS_OK && plan->upper == NULL)
        code = ms_fs_set(fs, "ro", NULL, err);
    if (code == MS_OK)
        code = set_lowers(fs, plan, mapped, err);
    if (code == MS_OK && plan->upper != NULL)
        code = set_layer(fs, "upperdir", AT_FDCWD, plan->upper, err);
    if (code == MS_OK && plan->upper != NULL)
        code = set_layer(fs, "workdir", AT_FDCWD, plan->work, err);
    return code;
}

/* A detached read-only copy of the directory of all lowers, with its owners mapped. */
static int map_lowers(const struct ms_attach_plan *plan, int userns_fd, int *mapped,
                      struct ms_err *err) {
    ms_auto_free char *directory = strndup(plan->lowers[0], ms_attach_common(plan));
    if (directory == NULL)
        return ms_err_memory(err);
    int code = ms_mount_clone(directory, false, mapped, err);
    if (code == MS_OK)
        code = ms_mount_change(*mapped, MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY, userns_fd, err);
    return code < 0 ? ms_err_wrap(err, "map the owners of layers") : MS_OK;
}

static int make_overlay(const struct ms_attach_plan *plan, int userns_fd, int *mount,
                        struct ms_err *err) {
    ms_auto_close int mapped = -1;
    ms_auto_close int fs = -1;
    int code = ms_fs_open("overlay", &fs, err);
    if (code == MS_OK && userns_fd >= 0)
        code = map_lowers(plan, userns_fd, &mapped, err);
    if (code == MS_OK)
        code = set_all(fs, plan, mapped, err);
    if (code < 0)
        return code;
    return ms_fs_create(fs, (unsigned)ms_attach_attributes(plan->flags), mount, err);
}

/* A writable bind shows a layer that already stores the mapped owners; only what is read is mapped.
 */
static int make_bind(const struct ms_attach_plan *plan, int userns_fd, int *mount,
                     struct ms_err *err) {
    uint64_t attributes = ms_attach_attributes(plan->flags);
    bool mapped = userns_fd >= 0 && (attributes & MOUNT_ATTR_RDONLY);
    int code = ms_mount_clone(plan->source, (plan->flags & MS_REC) != 0, mount, err);
    if (code == MS_OK)
        code = ms_mount_change(*mount, attributes | (mapped ? MOUNT_ATTR_IDMAP : 0),
                               mapped ? userns_fd : -1, err);
    return code;
}

int ms_attach_fd(const struct ms_attach_plan *plan, const char *target, uint64_t *mount_id,
                 struct ms_err *err) {
    ms_auto_close int userns_fd = -1;
    ms_auto_close int mount = -1;
    int code = MS_OK;
    if (plan->uidmap != NULL)
        code = ms_userns_open(plan->uidmap, plan->gidmap, &userns_fd, err);
    if (code == MS_OK)
        code = plan->overlay ? make_overlay(plan, userns_fd, &mount, err)
                             : make_bind(plan, userns_fd, &mount, err);
    if (code == MS_OK)
        code = ms_mount_place(mount, target, err);
    if (code == MS_OK)
        *mount_id = ms_mount_id(mount, "");
    return code;
}
