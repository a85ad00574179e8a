/* own.h - the words for cleanup: what is acquired under one of them is released at the end of the
 * block, on every path. Releasing keeps errno. ms_take_fd and ms_take_ptr hand ownership on.
 *
 *     ms_auto_close int fd = -1;          close(fd)
 *     ms_auto_free char *text = NULL;     free(text)
 *     ms_auto_closedir DIR *dir = NULL;   closedir(dir)
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static inline void ms_own_close(const int *fd) {
    int saved = errno;
    if (*fd >= 0)
        (void)close(*fd);
    errno = saved;
}

static inline void ms_own_free(void *pointer) {
    int saved = errno;
    free(*(void **)pointer);
    errno = saved;
}

static inline void ms_own_closedir(DIR **dir) {
    int saved = errno;
    if (*dir != NULL)
        (void)closedir(*dir);
    errno = saved;
}

#define ms_auto_close __attribute__((cleanup(ms_own_close)))
#define ms_auto_free __attribute__((cleanup(ms_own_free)))
#define ms_auto_closedir __attribute__((cleanup(ms_own_closedir)))

/* Moves a descriptor out of its owner. */
static inline int ms_take_fd(int *fd) {
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* Moves a heap pointer out of its owner; keeps its type. */
#define ms_take_ptr(owner)                                                                         \
    ({                                                                                             \
        __typeof__(*(owner)) taken_ = *(owner);                                                    \
        *(owner) = NULL;                                                                           \
        taken_;                                                                                    \
    })
