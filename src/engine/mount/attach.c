#include "engine/mount/attach.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/err.h"
#include "engine/mount/attach_plan.h"
#include "engine/mount/attach_way.h"
#include "sys/mountapi.h"

const char *ms_attach_way(void) { return ms_fs_overlay_by_fd() ? "fd" : "classic"; }

static int check_target(const char *target, struct ms_err *err) {
    struct stat found;
    if (target[0] != '/')
        return ms_err_set(err, MS_INVALID_ARGUMENT, "the target is no absolute path");
    if (stat(target, &found) < 0)
        return ms_err_sys(err, errno, "the target");
    if (!S_ISDIR(found.st_mode))
        return ms_err_set(err, MS_INVALID_ARGUMENT, "the target is no directory");
    return MS_OK;
}

static int attach_one(const struct ms_mount *mount, const char *target, bool readonly,
                      uint64_t *mount_id, struct ms_err *err) {
    ms_auto_attach_plan struct ms_attach_plan plan = {0};
    int code = ms_attach_plan_read(mount, readonly, &plan, err);
    if (code < 0)
        return code;
    return ms_fs_overlay_by_fd() ? ms_attach_fd(&plan, target, mount_id, err)
                                 : ms_attach_classic(&plan, target, mount_id, err);
}

int ms_attach(const struct ms_mounts *mounts, const char *target, bool readonly, uint64_t *mount_id,
              struct ms_err *err) {
    uint64_t id = 0;
    size_t done = 0;
    int code = check_target(target, err);
    if (code == MS_OK && mounts->count == 0)
        code = ms_err_set(err, MS_INVALID_ARGUMENT, "there is nothing to mount");
    while (code == MS_OK && done < mounts->count) {
        bool last = done + 1 == mounts->count;
        code = attach_one(&mounts->items[done], target, readonly && last, &id, err);
        done += code == MS_OK;
    }
    if (code < 0) {
        for (; done > 0; done--)
            (void)umount2(target, MNT_DETACH);
        return ms_err_wrap(err, "mount on %.80s", target);
    }
    if (mount_id != NULL)
        *mount_id = id;
    return MS_OK;
}

int ms_detach(const char *target, bool lazy, struct ms_err *err) {
    if (umount2(target, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0)
        return MS_OK;
    int sys = errno;
    if (sys == EINVAL)
        return ms_err_set(err, MS_NOT_FOUND, "unmount %.100s: nothing is mounted there", target);
    if (sys == EBUSY)
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "unmount %.100s: it is in use (an open file or a current directory)",
                          target);
    return ms_err_sys(err, sys, "unmount %.100s", target);
}
