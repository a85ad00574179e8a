#include "sys/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"

int ms_sync_fd(int fd, const char *what, struct ms_err *err) {
    int code = 0;
    do
        code = fsync(fd);
    while (code < 0 && errno == EINTR);
    return code < 0 ? ms_err_sys(err, errno, "sync %.100s", what) : MS_OK;
}

int ms_sync_dir(int at, const char *path, struct ms_err *err) {
    ms_auto_close int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ms_err_sys(err, errno, "open %.100s to sync it", path);
    return ms_sync_fd(fd, path, err);
}

int ms_sync_fs(int fd, const char *what, struct ms_err *err) {
    int code = 0;
    do
        code = syncfs(fd);
    while (code < 0 && errno == EINTR);
    return code < 0 ? ms_err_sys(err, errno, "sync the file system of %.100s", what) : MS_OK;
}
