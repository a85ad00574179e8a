#include "archive/drop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "archive/name.h"
#include "base/err.h"
#include "base/own.h"
#include "base/remove.h"

int ms_drop(int dir, const char *name, const char *path, struct ms_err *err) {
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return ms_err_sys(err, errno, "replace '%.100s'", path);
    struct ms_remove *remove = NULL;
    int rc = ms_remove_open(dir, name, &remove, err);
    if (rc == 0)
        do
            rc = ms_remove_step(remove, SIZE_MAX, err);
        while (rc == 1);
    ms_remove_free(remove);
    return rc < 0 ? ms_err_wrap(err, "replace '%.60s'", path) : 0;
}

int ms_drop_content(int fd, const char *except, const char *path, struct ms_err *err) {
    ms_auto_close int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ms_auto_closedir DIR *dir = again < 0 ? NULL : fdopendir(again);
    if (dir == NULL)
        return ms_err_sys(err, errno, "empty '%.100s'", ms_name_show(path));
    (void)ms_take_fd(&again);
    const struct dirent *item = NULL;
    int rc = 0;
    while (rc == 0 && (item = readdir(dir)) != NULL) {
        const char *name = item->d_name;
        bool kept = except != NULL && strcmp(name, except) == 0;
        if (!kept && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
            rc = ms_drop(fd, name, name, err);
    }
    return rc;
}
