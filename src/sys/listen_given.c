/* What a service manager gives: sockets that it made, and one to tell it how we are. See listen.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"
#include "base/text.h"
#include "sys/listen.h"

static bool has_option(int fd, int name, int wanted) {
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 && value == wanted;
}

static int adopt(int fd, struct ms_err *err) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "LISTEN_FDS: descriptor %d is not open: is it passed on?", fd);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return ms_err_sys(err, errno, "LISTEN_FDS: descriptor %d", fd);
    return MS_OK;
}

static int adopt_all(const char *number, struct ms_listen_fds *out, struct ms_err *err) {
    uint64_t count = 0;
    if (!ms_parse_u64(number, &count) || count > MS_LISTEN_FDS_MAX)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "LISTEN_FDS: '%.20s' is no number up to %d",
                          number, MS_LISTEN_FDS_MAX);
    for (int i = 0; i < (int)count; i++) {
        int fd = MS_LISTEN_FDS_FIRST + i;
        if (adopt(fd, err) < 0)
            return err->kind;
        out->unix_stream[i] = has_option(fd, SO_DOMAIN, AF_UNIX) &&
                              has_option(fd, SO_TYPE, SOCK_STREAM) &&
                              has_option(fd, SO_ACCEPTCONN, 1);
    }
    out->count = (int)count;
    return MS_OK;
}

int ms_listen_fds(struct ms_listen_fds *out, struct ms_err *err) {
    uint64_t pid = 0;
    int code = MS_OK;
    const char *whose = getenv("LISTEN_PID");
    const char *number = getenv("LISTEN_FDS");
    const char *names = getenv("LISTEN_FDNAMES");
    *out = (struct ms_listen_fds){0};
    if (whose == NULL || number == NULL || !ms_parse_u64(whose, &pid) || pid != (uint64_t)getpid())
        return MS_OK;
    if (names != NULL && (out->names = strdup(names)) == NULL)
        code = ms_err_memory(err);
    if (code == MS_OK)
        code = adopt_all(number, out, err);
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    if (code < 0) {
        free(out->names);
        out->names = NULL;
    }
    return code;
}

/* The address that NOTIFY_SOCKET names: a path, or with "@" a name in the abstract space. */
static int notify_address(const char *name, struct sockaddr_un *out, socklen_t *size,
                          struct ms_err *err) {
    size_t length = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof out->sun_path)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "NOTIFY_SOCKET: '%.100s' is no socket's name",
                          name);
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    memcpy(out->sun_path, name, length);
    if (name[0] == '@')
        out->sun_path[0] = '\0';
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '/'));
    return MS_OK;
}

int ms_notify(const char *text, size_t size, struct ms_err *err) {
    struct sockaddr_un address;
    socklen_t length = 0;
    const char *name = getenv("NOTIFY_SOCKET");
    if (name == NULL || *name == '\0')
        return 0;
    if (notify_address(name, &address, &length, err) < 0)
        return err->kind;
    ms_auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ms_err_sys(err, errno, "notify %s", name);
    ssize_t sent = sendto(fd, text, size, MSG_NOSIGNAL, (const struct sockaddr *)&address, length);
    return sent == (ssize_t)size ? 1 : ms_err_sys(err, errno, "notify %s", name);
}
