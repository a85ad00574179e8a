#include "engine/layer/xattrs.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <sys/xattr.h>

#include "base/err.h"
#include "base/own.h"

static bool is_overlays(const char *name) {
    return strncmp(name, "trusted.overlay.", 16) == 0 || strncmp(name, "user.overlay.", 13) == 0;
}

static bool not_told(int sys) {
    return sys == ENODATA || sys == EOPNOTSUPP || sys == EPERM || sys == EACCES || sys == ENOENT;
}

static int failed(struct ms_err *err) { return ms_err_sys(err, errno, "read extended attributes"); }

/* The names of an entry: *out, owned, each with its NUL; or the error. */
static ssize_t read_names(const char *path, char **out, struct ms_err *err) {
    ssize_t size = llistxattr(path, NULL, 0);
    if (size > 0) {
        *out = malloc((size_t)size);
        if (*out == NULL)
            return ms_err_memory(err);
        size = llistxattr(path, *out, (size_t)size);
    }
    if (size < 0)
        return not_told(errno) ? 0 : failed(err);
    return size;
}

/* The value of one attribute: its size and *out, owned; -1 when there is none. */
static int read_value(const char *path, const char *name, char **out, ssize_t *size,
                      struct ms_err *err) {
    *size = lgetxattr(path, name, NULL, 0);
    if (*size >= 0) {
        *out = malloc((size_t)*size + 1);
        if (*out == NULL)
            return ms_err_memory(err);
        *size = lgetxattr(path, name, *out, (size_t)*size);
    }
    return *size >= 0 || not_told(errno) ? MS_OK : failed(err);
}

static int value_differs(const char *left, const char *right, const char *name,
                         struct ms_err *err) {
    ms_auto_free char *ours = NULL;
    ms_auto_free char *theirs = NULL;
    ssize_t our_size = -1;
    ssize_t their_size = -1;
    int code = read_value(left, name, &ours, &our_size, err);
    if (code == MS_OK)
        code = read_value(right, name, &theirs, &their_size, err);
    if (code < 0)
        return code;
    return our_size != their_size || (our_size > 0 && memcmp(ours, theirs, (size_t)our_size) != 0);
}

static size_t count_names(const char *names, ssize_t size) {
    size_t count = 0;
    for (const char *name = names; name < names + size; name += strlen(name) + 1)
        count += !is_overlays(name);
    return count;
}

int ms_xattrs_differ(const char *left, const char *right, struct ms_err *err) {
    ms_auto_free char *ours = NULL;
    ms_auto_free char *theirs = NULL;
    ssize_t our_size = read_names(left, &ours, err);
    if (our_size < 0)
        return (int)our_size;
    ssize_t their_size = read_names(right, &theirs, err);
    if (their_size < 0)
        return (int)their_size;
    int code = count_names(ours, our_size) != count_names(theirs, their_size);
    for (const char *name = ours; code == 0 && name < ours + our_size; name += strlen(name) + 1)
        if (!is_overlays(name))
            code = value_differs(left, right, name, err);
    return code;
}
