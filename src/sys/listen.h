/* listen.h - a unix socket to serve on: made, inherited, taken away again.
 *
 *     what is at the path           ms_listen
 *     nothing                       binds there
 *     a socket nobody listens on    takes it away and binds
 *     a socket that is alive        refuses: failed_precondition
 *     anything else                 refuses, and leaves it alone
 *
 * Of several that start at once exactly one gets the path: looking, taking away and binding happen
 * under a flock of the directory, which leaves no file behind. The socket has mode 0600 from its
 * first moment: the kernel gives the new name the mode of the descriptor, whatever the umask adds.
 *
 * An ms_listener remembers which file it made (and holds it, so that its inode number is not given
 * again); only that one is ever unlinked, also when another took the path meanwhile.
 *
 * Source: unix(7), sd_listen_fds(3), sd_notify(3); unix_bind() of net/unix/af_unix.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ms_err;

struct ms_listener {
    int fd;     /* listening; -1 once taken */
    int pin;    /* O_PATH of the socket's file */
    char *path; /* absolute */
};

/* Zero is not empty: begin with this. */
#define MS_LISTENER_NONE                                                                           \
    { .fd = -1, .pin = -1 }

/* Binds and listens: CLOEXEC, non-blocking. path is made absolute, its directory must exist.
 * Fails: invalid_argument (longer than the kernel's 107 bytes), failed_precondition (something
 * lives there), not_found (no directory), permission_denied, unavailable (the directory is locked
 * for seconds), resource_exhausted, internal. */
int ms_listen(const char *path, struct ms_listener *out, struct ms_err *err);

/* Unlinks the socket when it is still the one that was made; answers whether it did. */
bool ms_listener_remove(struct ms_listener *listener);

/* Closes what it holds; the path stays. Safe a second time. */
void ms_listener_close(struct ms_listener *listener);

/* What a service manager passed: LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES. At most this many. */
enum { MS_LISTEN_FDS_MAX = 64, MS_LISTEN_FDS_FIRST = 3 };

struct ms_listen_fds {
    int count;                           /* descriptors 3 .. 3 + count - 1 */
    char *names;                         /* "name:name", NULL when not given */
    bool unix_stream[MS_LISTEN_FDS_MAX]; /* a listening unix stream socket */
};

/* Reads the variables and takes them away, so that children do not see them. The descriptors get
 * CLOEXEC and become non-blocking. Variables meant for another process count as none. Fails:
 * invalid_argument (a number that is none, too many), failed_precondition (a descriptor that is not
 * open). names is the caller's to free. */
int ms_listen_fds(struct ms_listen_fds *out, struct ms_err *err);

/* Sends text to NOTIFY_SOCKET; 1 sent, 0 nobody asked for it. Never waits. Fails:
 * invalid_argument (an address that is none), internal. */
int ms_notify(const char *text, size_t size, struct ms_err *err);
