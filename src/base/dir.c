#include "base/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"

static bool is_dots(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

/* Opens the directory again, so that the caller's position stays. */
static DIR *open_again(int fd) {
    ms_auto_close int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again >= 0 ? fdopendir(again) : NULL;
    if (dir != NULL)
        (void)ms_take_fd(&again);
    return dir;
}

int ms_dir_is_empty(int fd, struct ms_err *err) {
    ms_auto_closedir DIR *dir = open_again(fd);
    if (dir == NULL)
        return ms_err_sys(err, errno, "read a directory");
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        if (!is_dots(entry->d_name))
            return 0;
    return 1;
}

int ms_dir_has_types(int fd, struct ms_err *err) {
    static const char probe[] = ".moonsnap-probe";
    ms_auto_close int file = openat(fd, probe, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return ms_err_sys(err, errno, "write into the root");
    bool known = true;
    ms_auto_closedir DIR *dir = open_again(fd);
    if (dir == NULL)
        return ms_err_sys(err, errno, "read the root");
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        known = known && (is_dots(entry->d_name) || entry->d_type != DT_UNKNOWN);
    (void)unlinkat(fd, probe, 0);
    if (!known)
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "the file system does not tell the type of directory entries (d_type), "
                          "which overlay needs: use ext4, XFS with ftype=1, btrfs or tmpfs");
    return MS_OK;
}
