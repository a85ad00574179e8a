#include "archive/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "archive/name.h"
#include "base/err.h"
#include "base/grow.h"
#include "base/own.h"

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct ms_stand *ms_trail_here(const struct ms_trail *trail) {
    return &trail->stands[trail->depth - 1];
}

int ms_trail_fd(const struct ms_trail *trail) { return ms_trail_here(trail)->fd; }

void ms_trail_clear(struct ms_trail *trail) {
    for (size_t i = 0; i < trail->depth; i++)
        if (trail->stands[i].fd >= 0)
            (void)close(trail->stands[i].fd);
    free(trail->stands);
    ms_text_clear(&trail->path);
    *trail = (struct ms_trail){0};
}

/* Notes what fd is now and makes it writable. path is set already. */
static int note(struct ms_stand *stand, const char *path, struct ms_err *err) {
    struct stat st;
    if (fstat(stand->fd, &st) != 0)
        return ms_err_sys(err, errno, "directory '%.100s'", ms_name_show(path));
    stand->device = st.st_dev;
    stand->inode = st.st_ino;
    stand->times[0] = st.st_atim;
    stand->times[1] = st.st_mtim;
    if (!stand->set_mode)
        stand->mode = st.st_mode & 07777;
    if ((st.st_mode & S_IRWXU) != S_IRWXU) {
        stand->set_mode = true;
        if (fchmod(stand->fd, (st.st_mode & 07777) | S_IRWXU) != 0)
            return ms_err_sys(err, errno, "directory '%.100s': make it writable",
                              ms_name_show(path));
    }
    stand->default_acl = fgetxattr(stand->fd, "system.posix_acl_default", NULL, 0) > 0;
    return 0;
}

/* Adds a stand for fd, which it takes; closes the one far above to save descriptors. */
static int push(struct ms_trail *trail, int fd, struct ms_stand stand, struct ms_err *err) {
    ms_auto_close int mine = fd;
    struct ms_stand *stands = ms_grow(trail->stands, trail->depth, &trail->room, sizeof *stands);
    if (stands == NULL)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "no memory for a path this deep");
    trail->stands = stands;
    stand.fd = mine;
    int rc = note(&stand, trail->path.bytes, err);
    if (rc < 0)
        return rc;
    (void)ms_take_fd(&mine);
    trail->stands[trail->depth++] = stand;
    if (trail->depth > MS_TRAIL_OPEN) {
        struct ms_stand *far = &trail->stands[trail->depth - MS_TRAIL_OPEN];
        ms_own_close(&far->fd);
        far->fd = -1;
    }
    return 0;
}

int ms_trail_open(struct ms_trail *trail, int root, const struct ms_trail_maker *maker,
                  struct ms_err *err) {
    *trail = (struct ms_trail){.maker = *maker};
    ms_text_append(&trail->path, "", 0);
    int rc = ms_text_check(&trail->path, err);
    if (rc < 0)
        return rc;
    int fd = openat(root, ".", OPEN_DIRECTORY);
    if (fd < 0)
        return ms_err_sys(err, errno, "open the target");
    return push(trail, fd, (struct ms_stand){0}, err);
}

/* Gives the stand above the last one its descriptor back. */
static int reopen_above(struct ms_trail *trail, struct ms_err *err) {
    struct ms_stand *here = ms_trail_here(trail);
    struct ms_stand *above = here - 1;
    if (above->fd >= 0)
        return 0;
    ms_auto_close int fd = openat(here->fd, "..", OPEN_DIRECTORY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return ms_err_sys(err, errno, "go up from '%.100s'", trail->path.bytes);
    if (st.st_dev != above->device || st.st_ino != above->inode)
        return ms_err_set(err, MS_ABORTED, "go up from '%.100s': somebody else moved it",
                          trail->path.bytes);
    above->fd = ms_take_fd(&fd);
    return 0;
}

/* Sets the last stand's mode and times. */
static int settle(const struct ms_trail *trail, struct ms_err *err) {
    const struct ms_stand *here = ms_trail_here(trail);
    if (here->set_mode && fchmod(here->fd, here->mode) != 0)
        return ms_err_sys(err, errno, "entry '%.100s': set its mode",
                          ms_name_show(trail->path.bytes));
    if (futimens(here->fd, here->times) != 0)
        return ms_err_sys(err, errno, "entry '%.100s': set its times",
                          ms_name_show(trail->path.bytes));
    return 0;
}

static int leave(struct ms_trail *trail, struct ms_err *err) {
    int rc = reopen_above(trail, err);
    if (rc == 0)
        rc = settle(trail, err);
    if (rc < 0)
        return rc;
    struct ms_stand *here = ms_trail_here(trail);
    ms_own_close(&here->fd);
    trail->depth -= 1;
    trail->path.size = ms_trail_here(trail)->path_end;
    trail->path.bytes[trail->path.size] = '\0';
    return 0;
}

/* Opens one component; an own directory that may not be read is made readable first and *mode gets
 * what it was. -1 and errno. */
static int open_part(int dir, const char *name, struct ms_stand *stand) {
    int fd = openat(dir, name, OPEN_DIRECTORY);
    struct stat st;
    if (fd >= 0 || errno != EACCES)
        return fd;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode))
        return -1;
    if (fchmodat(dir, name, (st.st_mode & 07777) | S_IRWXU, 0) != 0)
        return -1;
    stand->mode = st.st_mode & 07777;
    stand->set_mode = true;
    return openat(dir, name, OPEN_DIRECTORY);
}

/* Enters the component name, which path (already the trail's) ends with. */
static int enter(struct ms_trail *trail, const char *name, struct ms_err *err) {
    int dir = ms_trail_fd(trail);
    struct ms_stand stand = {.path_end = trail->path.size};
    int fd = open_part(dir, name, &stand);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) {
        int rc = trail->maker.make(trail->maker.self, dir, name, trail->path.bytes, err);
        if (rc < 0)
            return rc;
        fd = open_part(dir, name, &stand);
    }
    if (fd < 0)
        return ms_err_sys(err, errno, "directory '%.100s'", trail->path.bytes);
    return push(trail, fd, stand, err);
}

/* True when the last stand is the directory path[0..size) or one above it. */
static bool on_the_way(const struct ms_trail *trail, const char *path, size_t size) {
    size_t length = trail->path.size;
    return length == 0 || (length <= size && memcmp(trail->path.bytes, path, length) == 0 &&
                           (length == size || path[length] == '/'));
}

int ms_trail_go(struct ms_trail *trail, const char *path, size_t size, struct ms_err *err) {
    int rc = 0;
    while (rc == 0 && !on_the_way(trail, path, size))
        rc = leave(trail, err);
    size_t at = trail->path.size;
    while (rc == 0 && at < size) {
        at += at > 0;
        const char *slash = memchr(path + at, '/', size - at);
        size_t end = slash != NULL ? (size_t)(slash - path) : size;
        if (end - at > NAME_MAX)
            return ms_err_set(err, MS_INVALID_ARGUMENT,
                              "entry '%.100s...': a name in it is longer than %d bytes", path,
                              NAME_MAX);
        char name[NAME_MAX + 1];
        memcpy(name, path + at, end - at);
        name[end - at] = '\0';
        size_t before = trail->path.size;
        if (before > 0)
            ms_text_append(&trail->path, "/", 1);
        ms_text_puts(&trail->path, name);
        rc = ms_text_check(&trail->path, err);
        if (rc == 0)
            rc = enter(trail, name, err);
        at = end;
    }
    return rc;
}

int ms_trail_finish(struct ms_trail *trail, struct ms_err *err) {
    int rc = ms_trail_go(trail, "", 0, err);
    while (rc == 0 && trail->depth > 1)
        rc = leave(trail, err);
    return rc < 0 ? rc : settle(trail, err);
}

int ms_trail_find(int root, const char *path, size_t size) {
    ms_auto_close int fd = openat(root, ".", OPEN_DIRECTORY | O_PATH);
    for (size_t at = 0; fd >= 0 && at < size;) {
        const char *slash = memchr(path + at, '/', size - at);
        size_t length = slash != NULL ? (size_t)(slash - path) - at : size - at;
        char name[NAME_MAX + 1];
        if (length > NAME_MAX) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, path + at, length);
        name[length] = '\0';
        int next = openat(fd, name, OPEN_DIRECTORY | O_PATH);
        ms_own_close(&fd);
        fd = next;
        at += length + 1;
    }
    return ms_take_fd(&fd);
}
