/* trail.h - the open directories from the root of a tree down to the one being written in.
 *
 *     go       walks to another directory: leaves what is not on its way, enters (or makes) the
 * rest leave    sets a directory's times and mode to what they are to be, whatever was written in
 * it
 *
 * Every step is one component opened without following links, so nothing outside the root can be
 * reached. Entering a directory notes its times and leaving it sets them again: they are right at
 * the end in whatever order entries come, and memory is bounded by the deepest path. At most
 * MS_TRAIL_OPEN descriptors are open; the way up is "..", checked by device and inode.
 *
 * Directories on the trail have u+rwx while they are on it, so that an ordinary user can write
 * in a read-only one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <time.h>

#include "base/text.h"

struct ms_err;

#define MS_TRAIL_OPEN 64

struct ms_stand {
    int fd;          /* -1 while closed to save descriptors */
    size_t path_end; /* its path is the first path_end bytes of the trail's */
    dev_t device;
    ino_t inode;
    mode_t mode; /* to be set on leaving */
    bool set_mode;
    bool default_acl; /* what is made in it inherits an ACL, which has to go again */
    struct timespec times[2];
};

struct ms_trail;

/* Called instead of failing when a component is missing or is no directory. dir is where it should
 * be, path and size the path of the missing directory. Makes it, or fails. */
struct ms_trail_maker {
    int (*make)(void *self, int dir, const char *name, const char *path, struct ms_err *err);
    void *self;
};

struct ms_trail {
    struct ms_stand *stands; /* stands[0] is the root; owned */
    size_t depth;            /* stands in use, at least 1 once open */
    size_t room;
    struct ms_text path;
    struct ms_trail_maker maker;
};

/* Begins at a directory, which is borrowed for the call. */
int ms_trail_open(struct ms_trail *trail, int root, const struct ms_trail_maker *maker,
                  struct ms_err *err);

/* Walks to the directory that path[0..size) names (clean, "" is the root).
 * Fails: invalid_argument (a link or a file is in the way), resource_exhausted, ... */
int ms_trail_go(struct ms_trail *trail, const char *path, size_t size, struct ms_err *err);

/* Where it stands now: always open. Good until the next go. */
struct ms_stand *ms_trail_here(const struct ms_trail *trail);
int ms_trail_fd(const struct ms_trail *trail);

/* Leaves all but the root, and sets the root's times and mode too. */
int ms_trail_finish(struct ms_trail *trail, struct ms_err *err);

/* Closes without setting anything. */
void ms_trail_clear(struct ms_trail *trail);

/* Opens the directory path[0..size) below root without following links, or sets errno. */
int ms_trail_find(int root, const char *path, size_t size);
