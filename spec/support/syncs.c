/* syncs.c - preloaded into a program: counts its fsyncs and fdatasyncs, and holds them on demand.
 *
 *     SYNCS/count    grows by one byte with each sync that has begun
 *     SYNCS/hold     while this file is there, a sync waits before it syncs
 *     SYNCS/held     appears when one waits
 *     SYNCS/fail     while this file is there, a sync answers EIO instead
 *
 * SYNCS is a variable of the environment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char *path_of(const char *name, char *room, size_t size) {
    const char *dir = getenv("SYNCS");
    if (dir == NULL)
        return NULL;
    (void)snprintf(room, size, "%s/%s", dir, name);
    return room;
}

static void mark(const char *name) {
    char room[512];
    const char *path = path_of(name, room, sizeof room);
    int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return;
    if (write(fd, "x", 1) != 1)
        abort();
    (void)close(fd);
}

static int is_there(const char *name) {
    char room[512];
    const char *path = path_of(name, room, sizeof room);
    return path != NULL && access(path, F_OK) == 0;
}

static int synced(long number, int fd) {
    const struct timespec step = {.tv_nsec = 1000000};
    mark("count");
    if (is_there("hold"))
        mark("held");
    while (is_there("hold"))
        (void)nanosleep(&step, NULL);
    if (is_there("fail")) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(number, fd);
}

int fdatasync(int fd) { return synced(SYS_fdatasync, fd); }

int fsync(int fd) { return synced(SYS_fsync, fd); }
