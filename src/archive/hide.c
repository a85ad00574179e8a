#include "archive/hide.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "archive/import.h"
#include "archive/name.h"
#include "base/dir.h"
#include "base/err.h"
#include "base/own.h"

static const char *opaque_name(const struct ms_hider *hider) {
    return hider->style == MS_WHITEOUT_OVERLAY_USER ? "user.overlay.opaque"
                                                    : "trusted.overlay.opaque";
}

static const char *whiteout_name(const struct ms_hider *hider) {
    return hider->style == MS_WHITEOUT_OVERLAY_USER ? "user.overlay.whiteout"
                                                    : "trusted.overlay.whiteout";
}

static bool is_mark_file(const struct ms_hider *hider, int dir, const char *name) {
    ms_auto_close int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && fgetxattr(fd, whiteout_name(hider), NULL, 0) >= 0;
}

bool ms_hide_is_mark(const struct ms_hider *hider, int dir, const char *name) {
    struct stat st;
    if (hider->style == MS_WHITEOUT_DELETE || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (S_ISCHR(st.st_mode))
        return st.st_rdev == 0;
    return hider->files && S_ISREG(st.st_mode) && st.st_size == 0 && is_mark_file(hider, dir, name);
}

static int make_empty(int dir, const char *name, struct ms_err *err) {
    ms_auto_close int fd =
        openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST)
        return ms_err_sys(err, errno, "hide '%.100s'", name);
    return 0;
}

/* The form without mknod; -1 and errno. In a directory that is opaque already nothing is left to
 * hide, and the file would be seen. */
static int make_mark_file(struct ms_hider *hider, int dir, const char *name) {
    char value = 0;
    if (fgetxattr(dir, opaque_name(hider), &value, 1) == 1 && value == 'y')
        return 0;
    ms_auto_close int fd =
        openat(dir, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    hider->files = true;
    if (fsetxattr(fd, whiteout_name(hider), "y", 1, 0) != 0)
        return -1;
    return fsetxattr(dir, opaque_name(hider), "x", 1, 0);
}

/* ".wh.NAME"; false when that is no file name any more. */
static bool note_name(const char *name, char *note, size_t room) {
    int size = snprintf(note, room, MS_WHITEOUT_PREFIX "%s", name);
    return size >= 0 && (size_t)size < room;
}

bool ms_hide_is_noted(const struct ms_hider *hider, int dir, const char *name) {
    char note[NAME_MAX + 1];
    return hider->style == MS_WHITEOUT_DELETE && note_name(name, note, sizeof note) &&
           faccessat(dir, note, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int make_note(int dir, const char *name, struct ms_err *err) {
    char note[NAME_MAX + 1];
    if (!note_name(name, note, sizeof note))
        return ms_err_set(err, MS_INVALID_ARGUMENT, "hide '%.100s': the name is too long", name);
    return make_empty(dir, note, err);
}

int ms_hide_name(struct ms_hider *hider, int dir, const char *name, struct ms_err *err) {
    if (hider->style == MS_WHITEOUT_DELETE)
        return make_note(dir, name, err);
    int rc = mknodat(dir, name, S_IFCHR, makedev(0, 0));
    if (rc != 0 && errno == EPERM)
        rc = make_mark_file(hider, dir, name);
    if (rc == 0)
        return 0;
    if (errno != EEXIST)
        return ms_err_sys(err, errno, "hide '%.100s'", name);
    ms_auto_close int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        return ms_hide_all(hider, fd, err);
    return errno == ENOTDIR ? 0 : ms_err_sys(err, errno, "hide '%.100s'", name);
}

/* Takes whiteouts that are files out of a directory: once it is opaque they would be seen. */
static int drop_mark_files(const struct ms_hider *hider, int fd, struct ms_err *err) {
    ms_auto_closedir DIR *dir = ms_dir_read(fd);
    if (dir == NULL)
        return ms_err_sys(err, errno, "read a directory that becomes opaque");
    const struct dirent *item = NULL;
    while ((item = ms_dir_next(dir)) != NULL) {
        if (item->d_type == DT_REG && ms_hide_is_mark(hider, fd, item->d_name) &&
            unlinkat(fd, item->d_name, 0) != 0)
            return ms_err_sys(err, errno, "unhide '%.100s'", item->d_name);
    }
    return 0;
}

int ms_hide_all(struct ms_hider *hider, int fd, struct ms_err *err) {
    if (hider->style == MS_WHITEOUT_DELETE)
        return make_empty(fd, MS_WHITEOUT_OPAQUE, err);
    if (hider->files) {
        int rc = drop_mark_files(hider, fd, err);
        if (rc < 0)
            return rc;
    }
    if (fsetxattr(fd, opaque_name(hider), "y", 1, 0) != 0)
        return ms_err_sys(err, errno, "make a directory opaque: set xattr %s", opaque_name(hider));
    return 0;
}
