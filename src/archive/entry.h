/* entry.h - one entry of a source, as data, and what a source is.
 *
 * A source (tar.h, folder.h) yields entries one after the other; the sink (sink.h) writes them.
 * Everything in an entry is borrowed from its source and good until the next one is asked for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "archive/import.h"

struct ms_err;

struct ms_xattr {
    const char *name;
    const void *value;
    size_t size;
};

struct ms_entry {
    const char *path; /* as the source has it */
    const char *link; /* target of a symbolic or hard link, else NULL */
    bool hard_link;   /* another name of link; the rest but path says nothing */
    mode_t mode;      /* type and permissions */
    uid_t uid;
    gid_t gid;
    dev_t device;   /* of a device */
    int64_t size;   /* of a file, holes too */
    int clone_from; /* an open file with the same content that may share its blocks, or -1 */
    struct timespec times[2]; /* access, change of content: as utimensat takes them */
    const struct ms_xattr *xattrs;
    size_t xattrs_count;
};

/* A piece of a file's content; what lies between two pieces is a hole. */
struct ms_piece {
    const void *bytes;
    size_t size;
    int64_t offset;
};

/* The functions of a source; self is its state. */
struct ms_source {
    /* 1 and an entry, 0 at the end, <0. */
    int (*next)(void *self, struct ms_entry *out, struct ms_err *err);
    /* 1 and a piece of the entry's content, 0 at its end, <0. */
    int (*read)(void *self, struct ms_piece *out, struct ms_err *err);
    /* After the last entry: 1 to be called again, 0, <0. */
    int (*finish)(void *self, struct ms_err *err);
    /* Bytes read so far, and in all or -1. */
    void (*progress)(void *self, struct ms_import_progress *out);
    void (*free)(void *self);
    void *self;
};
