#include "base/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/content.h"
#include "base/dir.h"
#include "base/err.h"
#include "base/links.h"
#include "base/own.h"
#include "base/tree.h"

struct ms_copy {
    struct ms_tree tree;
    int root; /* the target's */
    int here; /* the target directory that the tree is in */
    struct ms_links links;
    struct ms_copy_count count;
};

void ms_copy_free(struct ms_copy *copy) {
    if (copy == NULL)
        return;
    ms_tree_clear(&copy->tree);
    ms_own_close(&copy->root);
    ms_own_close(&copy->here);
    ms_links_clear(&copy->links);
    free(copy);
}

void ms_copy_count(const struct ms_copy *copy, struct ms_copy_count *out) { *out = copy->count; }

int ms_copy_open(int from, int to, struct ms_copy **out, struct ms_err *err) {
    struct ms_copy *copy = calloc(1, sizeof *copy);
    if (copy == NULL)
        return ms_err_memory(err);
    copy->root = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    copy->here = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = copy->root < 0 || copy->here < 0 ? ms_err_sys(err, errno, "open the target")
                                                : ms_tree_open(&copy->tree, from, err);
    if (code < 0) {
        ms_copy_free(copy);
        return code;
    }
    *out = copy;
    return MS_OK;
}

static int failed(const struct ms_tree_item *item, struct ms_err *err) {
    return ms_err_sys(err, errno, "copy '%.100s'", item->path);
}

/* ---- attributes ---------------------------------------------------------------------------- */

static bool may_not(int sys) {
    return sys == EPERM || sys == EACCES || sys == EOPNOTSUPP || sys == EINVAL;
}

/* Sets one attribute of the entry at the path to from the one at the path from. */
static int copy_xattr(struct ms_copy *copy, const char *from, const char *to, const char *name) {
    ms_auto_free char *value = NULL;
    ssize_t size = lgetxattr(from, name, NULL, 0);
    if (size >= 0)
        value = malloc((size_t)size + 1);
    if (value != NULL)
        size = lgetxattr(from, name, value, (size_t)size);
    if (value == NULL || size < 0)
        return errno == ENODATA || may_not(errno) ? 0 : -1;
    if (lsetxattr(to, name, value, (size_t)size, 0) == 0)
        return 0;
    copy->count.xattrs++;
    return may_not(errno) ? 0 : -1;
}

/* Links and devices have no descriptor to name them by: /proc's name of their directory does. */
static int copy_xattrs(struct ms_copy *copy, const char *from, const char *to) {
    ms_auto_free char *names = NULL;
    ssize_t size = llistxattr(from, NULL, 0);
    if (size > 0)
        names = malloc((size_t)size);
    if (names != NULL)
        size = llistxattr(from, names, (size_t)size);
    if (size == 0 || (size < 0 && errno == EOPNOTSUPP))
        return 0;
    if (names == NULL || size < 0)
        return -1;
    for (const char *name = names; name < names + size; name += strlen(name) + 1)
        if (copy_xattr(copy, from, to, name) < 0)
            return -1;
    return 0;
}

/* Owner first, since changing it drops setuid bits and capabilities; the mode behind the
 * attributes, which could not be set on a read-only file. A program whose owner could not be kept
 * loses its setuid bits: they would lend this process's rights. */
static int copy_attributes(struct ms_copy *copy, const struct ms_tree_item *item, int dir,
                           const char *name, const char *from, struct ms_err *err) {
    char to[320];
    const struct stat *st = &item->st;
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    mode_t mode = st->st_mode & 07777;
    (void)snprintf(to, sizeof to, "/proc/self/fd/%d/%s", dir, name);
    if (fchownat(dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0) {
        if (!may_not(errno))
            return failed(item, err);
        copy->count.owners++;
        if (S_ISREG(st->st_mode))
            mode &= 01777;
    }
    if (copy_xattrs(copy, from, to) < 0)
        return failed(item, err);
    if (!S_ISLNK(st->st_mode) && fchmodat(dir, name, mode, 0) < 0)
        return failed(item, err);
    if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return failed(item, err);
    return MS_OK;
}

/* ---- entries ------------------------------------------------------------------------------- */

static int copy_file(struct ms_copy *copy, const struct ms_tree_item *item, struct ms_err *err) {
    ms_auto_close int from =
        openat(item->dir, item->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (from < 0)
        return failed(item, err);
    ms_auto_close int to =
        openat(copy->here, item->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return failed(item, err);
    copy->count.bytes += (uint64_t)item->st.st_size;
    return ms_content_copy(from, to, item->st.st_size, item->path, err);
}

static int copy_symlink(const struct ms_copy *copy, const struct ms_tree_item *item,
                        struct ms_err *err) {
    size_t room = (size_t)item->st.st_size + 1 > 4096 ? (size_t)item->st.st_size + 1 : 4096;
    ms_auto_free char *target = malloc(room + 1);
    if (target == NULL)
        return ms_err_memory(err);
    ssize_t size = readlinkat(item->dir, item->name, target, room);
    if (size < 0)
        return failed(item, err);
    target[size] = '\0';
    return symlinkat(target, copy->here, item->name) < 0 ? failed(item, err) : MS_OK;
}

/* Links name to the copy at path, which may be longer than the kernel takes in one piece. */
static int link_to(const struct ms_copy *copy, const char *path, const struct ms_tree_item *item,
                   struct ms_err *err) {
    const char *slash = strrchr(path, '/');
    ms_auto_free char *above = strndup(path, slash != NULL ? (size_t)(slash - path) : 0);
    if (above == NULL)
        return ms_err_memory(err);
    ms_auto_close int dir = ms_dir_open_beneath(copy->root, above, err);
    if (dir < 0)
        return ms_err_wrap(err, "copy '%.100s'", item->path);
    const char *name = slash != NULL ? slash + 1 : path;
    return linkat(dir, name, copy->here, item->name, 0) < 0 ? failed(item, err) : MS_OK;
}

/* Another name of an inode that was copied: 1 when it is linked now. */
static int link_known(struct ms_copy *copy, const struct ms_tree_item *item, struct ms_err *err) {
    const char *first = NULL;
    if (item->st.st_nlink < 2)
        return 0;
    int code = ms_links_note(&copy->links, &item->st, item->path, &first, err);
    if (code < 0 || first == NULL)
        return code;
    code = link_to(copy, first, item, err);
    return code < 0 ? code : 1;
}

static int copy_item(struct ms_copy *copy, const struct ms_tree_item *item, struct ms_err *err) {
    char from[320];
    int code = link_known(copy, item, err);
    if (code != 0)
        return code < 0 ? code : MS_OK;
    if (S_ISREG(item->st.st_mode))
        code = copy_file(copy, item, err);
    else if (S_ISLNK(item->st.st_mode))
        code = copy_symlink(copy, item, err);
    else if (mknodat(copy->here, item->name, item->st.st_mode, item->st.st_rdev) < 0)
        code = failed(item, err);
    if (code < 0)
        return code;
    (void)snprintf(from, sizeof from, "/proc/self/fd/%d/%s", item->dir, item->name);
    return copy_attributes(copy, item, copy->here, item->name, from, err);
}

static int enter(struct ms_copy *copy, const struct ms_tree_item *item, struct ms_err *err) {
    if (item->dir < 0)
        return MS_OK;
    if (item->mount)
        return ms_err_set(err, MS_FAILED_PRECONDITION, "copy '%.100s': something is mounted on it",
                          item->path);
    if (mkdirat(copy->here, item->name, 0700) < 0)
        return failed(item, err);
    int below = openat(copy->here, item->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below < 0)
        return failed(item, err);
    ms_own_close(&copy->here);
    copy->here = below;
    return MS_OK;
}

/* A directory's times are set when nothing is put into it any more. */
static int leave(struct ms_copy *copy, const struct ms_tree_item *item, struct ms_err *err) {
    char from[64];
    (void)snprintf(from, sizeof from, "/proc/self/fd/%d/.", item->fd);
    int code = copy_attributes(copy, item, copy->here, ".", from, err);
    if (code < 0 || item->dir < 0)
        return code;
    int above = openat(copy->here, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above < 0)
        return failed(item, err);
    ms_own_close(&copy->here);
    copy->here = above;
    return MS_OK;
}

int ms_copy_step(struct ms_copy *copy, size_t budget, struct ms_err *err) {
    for (size_t done = 0; done < budget; done++) {
        struct ms_tree_item item;
        int code = ms_tree_next(&copy->tree, &item, err);
        if (code <= 0)
            return code;
        if (item.event == MS_TREE_ENTER)
            code = enter(copy, &item, err);
        else if (item.event == MS_TREE_LEAVE)
            code = leave(copy, &item, err);
        else
            code = copy_item(copy, &item, err);
        if (code < 0)
            return code;
        copy->count.entries += item.event != MS_TREE_LEAVE;
    }
    return 1;
}
