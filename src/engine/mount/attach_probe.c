/* Is a layer the upper of an overlay somewhere? The kernel marks uppers that are in use, whatever
 * the namespace, and an overlay with index=on must not share one. It looks at the upper before it
 * sees that the work directory lies on another mount, so this overlay can never come to be. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"
#include "base/text.h"
#include "engine/mount/attach.h"
#include "engine/mount/attach_way.h"
#include "sys/mountapi.h"
#include "sys/userns.h"

/* What the errno of the refused overlay means. */
static bool tells(int sys, bool *in_use) {
    *in_use = sys == EBUSY;
    return sys == EBUSY || sys == EINVAL;
}

/* A file system of its own for the work directory: nothing can lie on it and be an upper. */
static int make_elsewhere(int *mount, struct ms_err *err) {
    ms_auto_close int fs = -1;
    int code = ms_fs_open("tmpfs", &fs, err);
    return code < 0 ? code : ms_fs_create(fs, 0, mount, err);
}

static int offer(int fs, int upper, int elsewhere, struct ms_err *err) {
    int code = ms_userns_initial() ? MS_OK : ms_fs_set(fs, "userxattr", NULL, err);
    if (code == MS_OK)
        code = ms_fs_set(fs, "index", "on", err);
    if (code == MS_OK)
        code = ms_fs_set_fd(fs, "lowerdir+", elsewhere, err);
    if (code == MS_OK)
        code = ms_fs_set_fd(fs, "upperdir", upper, err);
    if (code == MS_OK)
        code = ms_fs_set_fd(fs, "workdir", elsewhere, err);
    return code;
}

static bool ask_by_fd(int upper, bool *in_use) {
    struct ms_err why = {0};
    ms_auto_close int fs = -1;
    ms_auto_close int elsewhere = -1;
    ms_auto_close int made = -1;
    if (make_elsewhere(&elsewhere, &why) < 0 || ms_fs_open("overlay", &fs, &why) < 0)
        return false;
    if (offer(fs, upper, elsewhere, &why) < 0)
        return false;
    return ms_fs_create(fs, 0, &made, &why) < 0 && tells(why.sys, in_use);
}

/* The same with mount(2): /proc is the other mount, and no target is ever reached. */
static bool ask_classic(const char *upper, bool *in_use) {
    ms_auto_text struct ms_text data = {0};
    if (strpbrk(upper, ":,\\") != NULL || access("/sys/module/overlay/parameters/index", F_OK) < 0)
        return false;
    ms_text_printf(&data, "index=on,%slowerdir=/proc,upperdir=%s,workdir=/proc",
                   ms_userns_initial() ? "" : "userxattr,", upper);
    if (data.failed || data.size > MS_CLASSIC_MAX)
        return false;
    if (mount("overlay", "/proc", "overlay", MS_RDONLY, data.bytes) == 0) {
        (void)umount2("/proc", MNT_DETACH);
        return false;
    }
    return tells(errno, in_use);
}

int ms_upper_in_use(const char *upper, bool *in_use, bool *known, struct ms_err *err) {
    bool busy = false;
    ms_auto_close int fd = open(upper, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ms_err_sys(err, errno, "layer %.150s", upper);
    *known = ms_fs_overlay_by_fd() ? ask_by_fd(fd, &busy) : ask_classic(upper, &busy);
    *in_use = *known && busy;
    return MS_OK;
}
