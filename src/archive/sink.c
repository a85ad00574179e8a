#include "archive/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "archive/describe.h"
#include "archive/drop.h"
#include "archive/plant.h"
#include "base/err.h"
#include "base/own.h"

/* Gives a directory that is made for entries below it what the parent layer's has, if it has one.
 */
static int dress_like_below(const struct ms_sink *sink, int fd, const char *path,
                            struct ms_err *err) {
    ms_auto_close int found = ms_trail_find(sink->below, path, strlen(path));
    if (found < 0)
        return 0;
    ms_auto_close int like = openat(found, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    if (like < 0 || fstat(like, &st) != 0)
        return ms_err_sys(err, errno, "directory '%.100s' of the parent", path);
    ms_auto_description struct ms_description description = {0};
    struct ms_entry entry;
    struct ms_at at = {.fd = like, .path = path};
    int rc = ms_describe(&description, &at, &st, &entry, err);
    mode_t mode = 0;
    at.fd = fd;
    if (rc == 0)
        rc = ms_attr_owner(&sink->keeper, &at, &entry, &mode, err);
    if (rc < 0)
        return rc;
    if (fchmod(fd, mode) != 0 || futimens(fd, entry.times) != 0)
        return ms_err_sys(err, errno, "directory '%.100s': set mode and times", path);
    return 0;
}

/* Makes dir/name a new directory, 0755 and without an inherited ACL; what is in the way is a
 * whiteout or nothing. */
static int make_directory(struct ms_sink *sink, int dir, const char *name, const char *path,
                          struct ms_err *err) {
    bool hidden = ms_hide_is_mark(&sink->hider, dir, name);
    if (hidden && unlinkat(dir, name, 0) != 0)
        return ms_err_sys(err, errno, "replace '%.100s'", path);
    if (mkdirat(dir, name, 0755) != 0)
        return ms_err_sys(err, errno, "make the directory '%.100s'", path);
    ms_auto_close int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return ms_err_sys(err, errno, "open the directory '%.100s'", path);
    if (ms_trail_here(&sink->trail)->default_acl) {
        (void)fremovexattr(fd, "system.posix_acl_default");
        (void)fremovexattr(fd, "system.posix_acl_access");
    }
    if (fchmod(fd, 0755) != 0)
        return ms_err_sys(err, errno, "set the mode of '%.100s'", path);
    if (sink->below >= 0 && !sink->own_directory)
        return dress_like_below(sink, fd, path, err);
    return hidden ? ms_hide_all(&sink->hider, fd, err) : 0;
}

/* The trail's maker: a directory on the way to an entry is missing, or something else is there. */
static int make_parent(void *self, int dir, const char *name, const char *path,
                       struct ms_err *err) {
    struct ms_sink *sink = self;
    struct stat st;
    const char *entry = sink->name.path.bytes;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT)
            return ms_err_sys(err, errno, "entry '%.100s'", entry);
        return make_directory(sink, dir, name, path, err);
    }
    if (ms_hide_is_mark(&sink->hider, dir, name))
        return make_directory(sink, dir, name, path, err);
    if (S_ISLNK(st.st_mode))
        return ms_err_set(err, MS_INVALID_ARGUMENT,
                          "entry '%.100s': '%.100s' is a symbolic link; entries are not written "
                          "through links",
                          entry, path);
    return ms_err_set(err, MS_INVALID_ARGUMENT, "entry '%.100s': '%.100s' is no directory", entry,
                      path);
}

int ms_sink_open(struct ms_sink *sink, int root, struct ms_err *err) {
    struct ms_trail_maker maker = {.make = make_parent, .self = sink};
    sink->file = -1;
    return ms_trail_open(&sink->trail, root, &maker, err);
}

int ms_sink_dress(struct ms_trail *trail, const struct ms_keeper *keeper,
                  const struct ms_entry *entry, struct ms_err *err) {
    struct ms_stand *here = ms_trail_here(trail);
    struct ms_at at = {.fd = here->fd, .path = trail->path.bytes};
    mode_t mode = 0;
    int rc = ms_attr_owner(keeper, &at, entry, &mode, err);
    if (rc < 0)
        return rc;
    here->mode = mode;
    here->set_mode = (mode & S_IRWXU) != S_IRWXU;
    memcpy(here->times, entry->times, sizeof here->times);
    if (fchmod(here->fd, mode | S_IRWXU) != 0)
        return ms_err_sys(err, errno, "entry '%.100s': set its mode", ms_name_show(at.path));
    here->default_acl = fgetxattr(here->fd, "system.posix_acl_default", NULL, 0) > 0;
    return 0;
}

static int hide_all(struct ms_sink *sink, struct ms_err *err) {
    bool overlay = sink->hider.style != MS_WHITEOUT_DELETE;
    if (overlay && sink->trail.path.size == 0) {
        if (!sink->has_parent)
            return 0;
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "entry '" MS_WHITEOUT_OPAQUE "': it hides all of the parent, which an "
                          "overlay cannot do at the root; import it without a parent");
    }
    sink->keeper.summary->whiteouts += 1;
    return ms_hide_all(&sink->hider, ms_trail_fd(&sink->trail), err);
}

/* A directory entry: merges with a directory, replaces anything else. */
static int put_directory(struct ms_sink *sink, const struct ms_entry *entry, struct ms_err *err) {
    const char *path = sink->name.path.bytes;
    if (sink->name.path.size > 0) {
        int dir = ms_trail_fd(&sink->trail);
        const char *base = path + sink->name.base;
        struct stat st;
        bool there = fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) == 0;
        if (there && !S_ISDIR(st.st_mode) && !ms_hide_is_mark(&sink->hider, dir, base) &&
            unlinkat(dir, base, 0) != 0)
            return ms_err_sys(err, errno, "entry '%.100s': replace what was there", path);
    }
    sink->own_directory = true;
    int rc = ms_trail_go(&sink->trail, path, sink->name.path.size, err);
    sink->own_directory = false;
    if (rc == 0)
        rc = ms_sink_dress(&sink->trail, &sink->keeper, entry, err);
    const struct ms_xattr *opaque = ms_attr_find_overlay(entry, "opaque");
    if (rc == 0 && opaque != NULL && opaque->size == 1 && memcmp(opaque->value, "y", 1) == 0)
        rc = hide_all(sink, err);
    return rc;
}

static bool is_whiteout(const struct ms_entry *entry) {
    if (entry->hard_link)
        return false;
    if (S_ISCHR(entry->mode))
        return entry->device == 0;
    return S_ISREG(entry->mode) && entry->size == 0 &&
           ms_attr_find_overlay(entry, "whiteout") != NULL;
}

static int put_file(struct ms_sink *sink, const struct ms_entry *entry, struct ms_err *err) {
    const char *base = sink->name.path.bytes + sink->name.base;
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int dir = ms_trail_fd(&sink->trail);
    sink->file = openat(dir, base, flags, 0600);
    if (sink->file < 0 && errno == EEXIST) {
        int rc = ms_drop(dir, base, sink->name.path.bytes, err);
        if (rc < 0)
            return rc;
        sink->file = openat(dir, base, flags, 0600);
    }
    if (sink->file < 0)
        return ms_err_sys(err, errno, "entry '%.100s'", sink->name.path.bytes);
    sink->written_to = 0;
    if (entry->clone_from >= 0 && ioctl(sink->file, FICLONE, entry->clone_from) == 0) {
        sink->written_to = entry->size;
        sink->keeper.summary->bytes += entry->size;
        return ms_sink_end(sink, entry, err);
    }
    return entry->size > 0 ? 1 : ms_sink_end(sink, entry, err);
}

/* Walks to the directory of the entry that is begun and puts it there. */
static int put(struct ms_sink *sink, const struct ms_entry *entry, struct ms_err *err) {
    const struct ms_name *name = &sink->name;
    bool whiteout = name->kind == MS_NAME_WHITEOUT || is_whiteout(entry);
    if (name->path.size == 0 && (whiteout || entry->hard_link || !S_ISDIR(entry->mode)))
        return ms_err_set(err, MS_INVALID_ARGUMENT, "entry '.': the root of a tree is a directory");
    size_t above = name->base > 0 ? name->base - 1 : 0;
    int rc = ms_trail_go(&sink->trail, name->path.bytes, above, err);
    if (rc < 0)
        return rc;
    if (whiteout)
        return ms_plant_whiteout(sink, err);
    if (entry->hard_link)
        return ms_plant_hard_link(sink, entry, err);
    if (S_ISDIR(entry->mode))
        return put_directory(sink, entry, err);
    if (S_ISREG(entry->mode))
        return put_file(sink, entry, err);
    return ms_plant_other(sink, entry, err);
}

int ms_sink_begin(struct ms_sink *sink, const struct ms_entry *entry, struct ms_err *err) {
    int rc = ms_name_parse(entry->path, &sink->name, err);
    if (rc < 0)
        return rc;
    sink->keeper.summary->entries += 1;
    if (sink->name.kind == MS_NAME_SKIP)
        return 0;
    if (sink->name.kind != MS_NAME_OPAQUE)
        return put(sink, entry, err);
    rc = ms_trail_go(&sink->trail, sink->name.path.bytes, sink->name.path.size, err);
    return rc < 0 ? rc : hide_all(sink, err);
}

int ms_sink_write(struct ms_sink *sink, const struct ms_piece *piece, struct ms_err *err) {
    const char *bytes = piece->bytes;
    for (size_t done = 0; done < piece->size;) {
        ssize_t wrote =
            pwrite(sink->file, bytes + done, piece->size - done, piece->offset + (off_t)done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return ms_err_sys(err, errno, "entry '%.100s': write its content",
                              sink->name.path.bytes);
        done += (size_t)wrote;
    }
    sink->written_to = piece->offset + (int64_t)piece->size;
    sink->keeper.summary->bytes += (int64_t)piece->size;
    return 0;
}

int ms_sink_end(struct ms_sink *sink, const struct ms_entry *entry, struct ms_err *err) {
    ms_auto_close int file = ms_take_fd(&sink->file);
    struct ms_at at = {.fd = file, .path = sink->name.path.bytes};
    mode_t mode = 0;
    if (sink->written_to != entry->size && ftruncate(file, entry->size) != 0)
        return ms_err_sys(err, errno, "entry '%.100s': set its size", at.path);
    if (ms_trail_here(&sink->trail)->default_acl)
        (void)fremovexattr(file, "system.posix_acl_access");
    int rc = ms_attr_owner(&sink->keeper, &at, entry, &mode, err);
    if (rc < 0)
        return rc;
    if (fchmod(file, mode) != 0 || futimens(file, entry->times) != 0)
        return ms_err_sys(err, errno, "entry '%.100s': set mode and times", at.path);
    if (close(ms_take_fd(&file)) != 0)
        return ms_err_sys(err, errno, "entry '%.100s': close it", at.path);
    return 0;
}

int ms_sink_finish(struct ms_sink *sink, struct ms_err *err) {
    return ms_trail_finish(&sink->trail, err);
}

void ms_sink_clear(struct ms_sink *sink) {
    ms_own_close(&sink->file);
    sink->file = -1;
    ms_trail_clear(&sink->trail);
    ms_name_clear(&sink->name);
    ms_name_clear(&sink->target);
}
