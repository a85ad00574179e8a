#include "sys/mountapi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"

#define MESSAGE_ROOM 200

/* The last error line that the kernel wrote into a context, without its "e "; "" when none. */
static void read_message(int fs, char out[MESSAGE_ROOM]) {
    char line[MESSAGE_ROOM];
    ssize_t count = 0;
    out[0] = '\0';
    while ((count = read(fs, line, sizeof line - 1)) > 0) {
        line[count] = '\0';
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == 'e' && line[1] == ' ')
            (void)snprintf(out, MESSAGE_ROOM, "%s", line + 2);
    }
}

/* An error of a context, in the kernel's words where it has some. */
static int fs_error(int fs, int kind, int sys, const char *doing, struct ms_err *err) {
    char message[MESSAGE_ROOM];
    read_message(fs, message);
    if (message[0] == '\0' && kind == 0)
        return ms_err_sys(err, sys, "%s", doing);
    if (kind == 0)
        kind = ms_kind_of_errno(sys);
    (void)ms_err_set(err, kind, "%s: %s", doing, message[0] != '\0' ? message : strerror(sys));
    err->sys = sys;
    return kind;
}

int ms_fs_open(const char *type, int *fs, struct ms_err *err) {
    int fd = fsopen(type, FSOPEN_CLOEXEC);
    if (fd < 0 && errno == ENODEV)
        return ms_err_set(err, MS_UNIMPLEMENTED, "the kernel has no file system '%.40s'", type);
    if (fd < 0)
        return ms_err_sys(err, errno, "prepare a mount of type %.40s", type);
    *fs = fd;
    return MS_OK;
}

int ms_fs_set(int fs, const char *key, const char *value, struct ms_err *err) {
    char doing[160];
    unsigned command = value != NULL ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
    if (fsconfig(fs, command, key, value, 0) == 0)
        return MS_OK;
    int sys = errno;
    (void)snprintf(doing, sizeof doing, "mount option %.60s%s%.60s", key, value != NULL ? "=" : "",
                   value != NULL ? value : "");
    return fs_error(fs, sys == EINVAL ? MS_UNIMPLEMENTED : 0, sys, doing, err);
}

int ms_fs_set_fd(int fs, const char *key, int fd, struct ms_err *err) {
    if (fsconfig(fs, FSCONFIG_SET_FD, key, NULL, fd) == 0)
        return MS_OK;
    return fs_error(fs, 0, errno, key, err);
}

int ms_fs_create(int fs, unsigned attributes, int *mount, struct ms_err *err) {
    if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return fs_error(fs, 0, errno, "make the file system", err);
    int fd = fsmount(fs, FSMOUNT_CLOEXEC, attributes);
    if (fd < 0)
        return fs_error(fs, 0, errno, "make the mount", err);
    *mount = fd;
    return MS_OK;
}

int ms_mount_clone(const char *path, bool recursive, int *mount, struct ms_err *err) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
    int fd = open_tree(AT_FDCWD, path, flags);
    if (fd < 0)
        return ms_err_sys(err, errno, "bind %.100s", path);
    *mount = fd;
    return MS_OK;
}

int ms_mount_change(int mount, uint64_t set, int userns_fd, struct ms_err *err) {
    struct mount_attr change = {.attr_set = set};
    if (set == 0)
        return MS_OK;
    if (userns_fd >= 0)
        change.userns_fd = (uint64_t)userns_fd;
    if (mount_setattr(mount, "", AT_EMPTY_PATH, &change, sizeof change) < 0)
        return ms_err_sys(err, errno, "change the mount");
    return MS_OK;
}

int ms_mount_place(int mount, const char *target, struct ms_err *err) {
    if (move_mount(mount, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return ms_err_sys(err, errno, "put the mount on %.100s", target);
    return MS_OK;
}

uint64_t ms_mount_id(int fd, const char *path) {
    struct statx found = {0};
    int flags = AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC | (*path == '\0' ? AT_EMPTY_PATH : 0);
    if (statx(fd, path, flags, STATX_MNT_ID, &found) < 0 || (found.stx_mask & STATX_MNT_ID) == 0)
        return 0;
    return found.stx_mnt_id;
}

/* ---- Probe -----------------------------------------------------------------------------------*/

/* Before 6.5 overlay took any key here and failed only at the end: an absurd one tells. */
static bool takes_layer_fds(int fs) {
    ms_auto_close int fd = -1;
    if (fsconfig(fs, FSCONFIG_SET_STRING, "x-no-such", "1", 0) == 0)
        return false;
    if (fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", "/", 0) < 0)
        return false;
    fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, fd) == 0;
}

bool ms_fs_overlay_by_fd(void) {
    enum { NOT_ASKED, NO, YES };
    static atomic_int known = NOT_ASKED;
    int answer = atomic_load(&known);
    if (answer != NOT_ASKED)
        return answer == YES;
    ms_auto_close int fs = fsopen("overlay", FSOPEN_CLOEXEC);
    if (fs < 0 && errno != ENOSYS)
        return false;
    answer = fs >= 0 && takes_layer_fds(fs) ? YES : NO;
    atomic_store(&known, answer);
    return answer == YES;
}

/* ---- mount(2) --------------------------------------------------------------------------------*/

/* Flags which the mount on path already has: a user namespace may not drop them. */
static unsigned long flags_of(const char *path) {
    static const struct {
        unsigned long has;
        unsigned long flag;
    } pairs[] = {
        {ST_RDONLY, MS_RDONLY},     {ST_NOSUID, MS_NOSUID},   {ST_NODEV, MS_NODEV},
        {ST_NOEXEC, MS_NOEXEC},     {ST_NOATIME, MS_NOATIME}, {ST_NODIRATIME, MS_NODIRATIME},
        {ST_RELATIME, MS_RELATIME},
    };
    struct statvfs found;
    unsigned long flags = 0;
    if (statvfs(path, &found) < 0)
        return 0;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (found.f_flag & pairs[i].has)
            flags |= pairs[i].flag;
    return flags;
}

/* Sets flags of the mount at path on top of those that it has. */
static int add_flags(const char *path, unsigned long flags, struct ms_err *err) {
    flags |= flags_of(path) | MS_BIND | MS_REMOUNT;
    return mount(NULL, path, NULL, flags, NULL) < 0
               ? ms_err_sys(err, errno, "change the bind on %.100s", path)
               : MS_OK;
}

int ms_bind_readonly(const char *path, struct ms_err *err) {
    return add_flags(path, MS_RDONLY, err);
}

int ms_bind(const char *source, const char *target, unsigned long flags, struct ms_err *err) {
    unsigned long further = flags & ~(unsigned long)(MS_BIND | MS_REC);
    if (mount(source, target, NULL, MS_BIND | (flags & MS_REC), NULL) < 0)
        return ms_err_sys(err, errno, "bind %.90s on %.90s", source, target);
    int code = further != 0 ? add_flags(target, further, err) : MS_OK;
    if (code < 0)
        (void)umount2(target, MNT_DETACH);
    return code;
}
