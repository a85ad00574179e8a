#include "base/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"

DIR *ms_dir_read(int fd) {
    ms_auto_close int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again >= 0 ? fdopendir(again) : NULL;
    if (dir != NULL)
        (void)ms_take_fd(&again);
    return dir;
}

const struct dirent *ms_dir_next(DIR *dir) {
    const struct dirent *entry = readdir(dir);
    while (entry != NULL && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0))
        entry = readdir(dir);
    return entry;
}

bool ms_dir_is_mount(int fd, dev_t above) {
    struct statx stx;
    struct stat st;
    if (statx(fd, "", AT_EMPTY_PATH, 0, &stx) == 0 &&
        (stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0)
        return (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    return fstat(fd, &st) == 0 && st.st_dev != above;
}

/* Goes one part of a path down. */
static int go_down(int *fd, const char *name, struct ms_err *err) {
    struct stat above;
    ms_auto_close int below = openat(*fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below < 0 || fstat(*fd, &above) < 0)
        return ms_err_sys(err, errno, "open '%.100s'", name);
    if (ms_dir_is_mount(below, above.st_dev))
        return ms_err_set(err, MS_FAILED_PRECONDITION, "open '%.100s': something is mounted on it",
                          name);
    ms_own_close(fd);
    *fd = ms_take_fd(&below);
    return MS_OK;
}

int ms_dir_open_beneath(int at, const char *path, struct ms_err *err) {
    ms_auto_close int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ms_err_sys(err, errno, "open a directory");
    while (*path != '\0') {
        char name[NAME_MAX + 1];
        size_t size = strcspn(path, "/");
        if (size == 0 || size > NAME_MAX)
            return ms_err_sys(err, size == 0 ? EINVAL : ENAMETOOLONG, "open '%.100s'", path);
        memcpy(name, path, size);
        name[size] = '\0';
        if (strcmp(name, "..") == 0)
            return ms_err_sys(err, EINVAL, "open '%.100s'", path);
        int code = go_down(&fd, name, err);
        if (code < 0)
            return code;
        path += size + (path[size] == '/');
    }
    return ms_take_fd(&fd);
}

int ms_dir_is_empty(int fd, struct ms_err *err) {
    ms_auto_closedir DIR *dir = ms_dir_read(fd);
    if (dir == NULL)
        return ms_err_sys(err, errno, "read a directory");
    return ms_dir_next(dir) == NULL;
}

int ms_dir_has_types(int fd, struct ms_err *err) {
    static const char probe[] = ".moonsnap-probe";
    ms_auto_close int file = openat(fd, probe, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return ms_err_sys(err, errno, "write into the root");
    bool known = true;
    ms_auto_closedir DIR *dir = ms_dir_read(fd);
    if (dir == NULL) {
        int sys = errno;
        (void)unlinkat(fd, probe, 0);
        return ms_err_sys(err, sys, "read the root");
    }
    for (const struct dirent *entry; (entry = ms_dir_next(dir)) != NULL;)
        known = known && entry->d_type != DT_UNKNOWN;
    (void)unlinkat(fd, probe, 0);
    if (!known)
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "the file system does not tell the type of directory entries (d_type), "
                          "which overlay needs: use ext4, XFS with ftype=1, btrfs or tmpfs");
    return MS_OK;
}
