#include "archive/drop.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "archive/name.h"
#include "base/dir.h"
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
    ms_auto_closedir DIR *dir = ms_dir_read(fd);
    if (dir == NULL)
        return ms_err_sys(err, errno, "empty '%.100s'", ms_name_show(path));
    const struct dirent *item = NULL;
    int rc = 0;
    while (rc == 0 && (item = ms_dir_next(dir)) != NULL)
        if (except == NULL || strcmp(item->d_name, except) != 0)
            rc = ms_drop(fd, item->d_name, item->d_name, err);
    return rc;
}
