#include "sys/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "base/err.h"
#include "base/own.h"
#include "base/text.h"

enum { BACKLOG = 1024, LOCK_WAIT_MS = 5000, LOCK_STEP_MS = 5 };

/* The address of a path. Fails: invalid_argument. */
static int address_of(const char *path, struct sockaddr_un *out, struct ms_err *err) {
    size_t size = strlen(path);
    if (size >= sizeof out->sun_path)
        return ms_err_set(err, MS_INVALID_ARGUMENT,
                          "listen on %.60s...: a socket's path has at most %zu bytes, this has %zu",
                          path, sizeof out->sun_path - 1, size);
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    memcpy(out->sun_path, path, size + 1);
    return MS_OK;
}

/* The path from the root, a heap string; NULL and err when it cannot be had. */
static char *absolute(const char *path, struct ms_err *err) {
    char here[PATH_MAX];
    ms_auto_text struct ms_text text = {0};
    if (path[0] != '/') {
        if (getcwd(here, sizeof here) == NULL) {
            (void)ms_err_sys(err, errno, "listen on %s: where are we", path);
            return NULL;
        }
        ms_text_printf(&text, "%s/", here);
    }
    ms_text_puts(&text, path);
    char *whole = ms_text_take(&text);
    if (whole == NULL)
        (void)ms_err_memory(err);
    return whole;
}

/* Opens and locks the directory of path; the lock goes with the descriptor. */
static int lock_directory(const char *path, int *out, struct ms_err *err) {
    const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
    ms_auto_free char *dir = strndup(path, (size_t)(strrchr(path, '/') - path) + 1);
    if (dir == NULL)
        return ms_err_memory(err);
    ms_auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ms_err_sys(err, errno, "listen on %s: its directory", path);
    for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += LOCK_STEP_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return ms_err_sys(err, errno, "listen on %s: lock its directory", path);
        if (waited >= LOCK_WAIT_MS)
            return ms_err_set(err, MS_UNAVAILABLE,
                              "listen on %s: somebody holds a lock of its directory", path);
        (void)nanosleep(&step, NULL);
    }
    *out = ms_take_fd(&fd);
    return MS_OK;
}

/* Does anybody listen at the address? Anything but a clear no is a yes. */
static int is_alive(const struct sockaddr_un *address, bool *out, struct ms_err *err) {
    ms_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ms_err_sys(err, errno, "listen on %s: make a socket", address->sun_path);
    int code = connect(fd, (const struct sockaddr *)address, sizeof *address);
    *out = code == 0 || (errno != ECONNREFUSED && errno != ENOENT);
    return MS_OK;
}

/* Makes way for a new socket. Under the lock. */
static int clear_path(const struct sockaddr_un *address, struct ms_err *err) {
    struct stat found;
    bool alive = false;
    const char *path = address->sun_path;
    if (lstat(path, &found) < 0)
        return errno == ENOENT ? MS_OK : ms_err_sys(err, errno, "listen on %s", path);
    if (!S_ISSOCK(found.st_mode))
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "listen on %s: something is there that is no socket", path);
    if (is_alive(address, &alive, err) < 0)
        return err->kind;
    if (alive)
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "listen on %s: already in use: a process listens there", path);
    if (unlink(path) < 0 && errno != ENOENT)
        return ms_err_sys(err, errno, "listen on %s: take the stale socket away", path);
    return MS_OK;
}

/* A mode of the descriptor is the mode of the name that bind makes, minus the umask. */
static int bind_private(int fd, const struct sockaddr_un *address, struct ms_err *err) {
    struct stat made;
    const char *path = address->sun_path;
    if (fchmod(fd, S_IRUSR | S_IWUSR) < 0)
        return ms_err_sys(err, errno, "listen on %s: set its mode", path);
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) < 0)
        return ms_err_sys(err, errno, "listen on %s", path);
    if (lstat(path, &made) < 0)
        return ms_err_sys(err, errno, "listen on %s: look at what was made", path);
    if ((made.st_mode & 07777) != (S_IRUSR | S_IWUSR) && chmod(path, S_IRUSR | S_IWUSR) < 0)
        return ms_err_sys(err, errno, "listen on %s: set its mode", path);
    return MS_OK;
}

int ms_listen(const char *path, struct ms_listener *out, struct ms_err *err) {
    struct sockaddr_un address;
    ms_auto_free char *whole = absolute(path, err);
    ms_auto_close int lock = -1;
    if (whole == NULL || address_of(whole, &address, err) < 0 ||
        lock_directory(whole, &lock, err) < 0 || clear_path(&address, err) < 0)
        return err->kind;
    ms_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ms_err_sys(err, errno, "listen on %s: make a socket", whole);
    if (bind_private(fd, &address, err) < 0)
        return err->kind;
    ms_auto_close int pin = open(whole, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (pin < 0 || listen(fd, BACKLOG) < 0) {
        int code = ms_err_sys(err, errno, "listen on %s", whole);
        (void)unlink(whole);
        return code;
    }
    *out = (struct ms_listener){
        .fd = ms_take_fd(&fd), .pin = ms_take_fd(&pin), .path = ms_take_ptr(&whole)};
    return MS_OK;
}

bool ms_listener_remove(struct ms_listener *listener) {
    struct stat ours;
    struct stat there;
    struct ms_err err;
    ms_auto_close int lock = -1;
    if (listener->pin < 0 || lock_directory(listener->path, &lock, &err) < 0)
        return false;
    if (fstat(listener->pin, &ours) < 0 || lstat(listener->path, &there) < 0 ||
        ours.st_dev != there.st_dev || ours.st_ino != there.st_ino)
        return false;
    return unlink(listener->path) == 0;
}

void ms_listener_close(struct ms_listener *listener) {
    ms_own_close(&listener->fd);
    ms_own_close(&listener->pin);
    free(listener->path);
    *listener = (struct ms_listener)MS_LISTENER_NONE;
}
