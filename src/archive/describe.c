#include "archive/describe.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "archive/name.h"
#include "base/err.h"

#define LIST_MAX (1024 * 1024) /* the kernel's own limit is 64 KiB */

void ms_description_clear(struct ms_description *description) {
    free(description->xattrs);
    ms_text_clear(&description->names);
    ms_text_clear(&description->values);
    ms_text_clear(&description->link);
    *description = (struct ms_description){0};
}

/* A path that reaches a name without opening it. */
static void proc_path(const struct ms_at *at, char *path, size_t room) {
    (void)snprintf(path, room, "/proc/self/fd/%d/%s", at->dir, at->name);
}

static ssize_t list(const struct ms_at *at, char *bytes, size_t size) {
    if (at->fd >= 0)
        return flistxattr(at->fd, bytes, size);
    char path[NAME_MAX + 64];
    proc_path(at, path, sizeof path);
    return llistxattr(path, bytes, size);
}

static ssize_t value(const struct ms_at *at, const char *name, void *bytes, size_t size) {
    if (at->fd >= 0)
        return fgetxattr(at->fd, name, bytes, size);
    char path[NAME_MAX + 64];
    proc_path(at, path, sizeof path);
    return lgetxattr(path, name, bytes, size);
}

/* Makes room for size bytes behind what text holds. */
static int reserve(struct ms_text *text, size_t size, struct ms_err *err) {
    size_t before = text->size;
    char fill[256] = {0};
    for (size_t left = size; left > 0;) {
        size_t part = left < sizeof fill ? left : sizeof fill;
        ms_text_append(text, fill, part);
        left -= part;
    }
    text->size = before;
    return ms_text_check(text, err);
}

static int failed(const struct ms_at *at, const char *what, struct ms_err *err) {
    return ms_err_sys(err, errno, "entry '%.100s': %s", ms_name_show(at->path), what);
}

/* Reads the list of names; *size gets 0 where there are no xattrs. */
static int read_names(struct ms_description *description, const struct ms_at *at, size_t *size,
                      struct ms_err *err) {
    *size = 0;
    for (size_t room = 1024; room <= LIST_MAX; room *= 4) {
        description->names.size = 0;
        int rc = reserve(&description->names, room, err);
        if (rc < 0)
            return rc;
        ssize_t got = list(at, description->names.bytes, room);
        if (got < 0 && errno == ERANGE)
            continue;
        if (got < 0 && errno != EOPNOTSUPP && errno != ENOENT)
            return failed(at, "list its xattrs", err);
        *size = got > 0 ? (size_t)got : 0;
        return 0;
    }
    return failed(at, "list its xattrs", err);
}

/* Appends the value of name; 1 when there is one. */
static int read_value(struct ms_description *description, const struct ms_at *at, const char *name,
                      struct ms_err *err) {
    struct ms_text *values = &description->values;
    for (size_t room = 512; room <= LIST_MAX; room *= 16) {
        int rc = reserve(values, room, err);
        if (rc < 0)
            return rc;
        ssize_t got = value(at, name, values->bytes + values->size, room);
        if (got < 0 && errno == ERANGE)
            continue;
        if (got < 0 && (errno == ENODATA || errno == EOPNOTSUPP))
            return 0;
        if (got < 0)
            return failed(at, "read an xattr", err);
        struct ms_xattr *xattr = &description->xattrs[description->count++];
        *xattr = (struct ms_xattr){.name = name, .size = (size_t)got};
        values->size += (size_t)got;
        return 1;
    }
    return failed(at, "read an xattr", err);
}

static int make_room(struct ms_description *description, const char *names, size_t size,
                     struct ms_err *err) {
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += names[i] == '\0';
    if (count <= description->room)
        return 0;
    struct ms_xattr *xattrs = realloc(description->xattrs, count * sizeof *xattrs);
    if (xattrs == NULL)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "no memory for %zu xattrs", count);
    description->xattrs = xattrs;
    description->room = count;
    return 0;
}

static int read_xattrs(struct ms_description *description, const struct ms_at *at,
                       struct ms_err *err) {
    size_t size = 0;
    description->count = 0;
    description->values.size = 0;
    int rc = read_names(description, at, &size, err);
    if (rc == 0)
        rc = make_room(description, description->names.bytes, size, err);
    const char *names = description->names.bytes;
    for (size_t i = 0; i < size && rc >= 0; i += strlen(names + i) + 1)
        rc = read_value(description, at, names + i, err);
    size_t offset = 0;
    for (size_t i = 0; i < description->count; i++) {
        description->xattrs[i].value = description->values.bytes + offset;
        offset += description->xattrs[i].size;
    }
    return rc < 0 ? rc : 0;
}

static int read_link(struct ms_description *description, const struct ms_at *at,
                     struct ms_err *err) {
    description->link.size = 0;
    int rc = reserve(&description->link, PATH_MAX, err);
    if (rc < 0)
        return rc;
    ssize_t size = readlinkat(at->dir, at->name, description->link.bytes, PATH_MAX - 1);
    if (size < 0)
        return failed(at, "read the link", err);
    description->link.size = (size_t)size;
    description->link.bytes[size] = '\0';
    return 0;
}

int ms_describe(struct ms_description *description, const struct ms_at *at, const struct stat *st,
                struct ms_entry *out, struct ms_err *err) {
    int rc = read_xattrs(description, at, err);
    if (rc == 0 && S_ISLNK(st->st_mode))
        rc = read_link(description, at, err);
    if (rc < 0)
        return rc;
    *out = (struct ms_entry){
        .path = at->path,
        .link = S_ISLNK(st->st_mode) ? description->link.bytes : NULL,
        .mode = st->st_mode,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .device = st->st_rdev,
        .size = st->st_size,
        .clone_from = -1,
        .times = {st->st_atim, st->st_mtim},
        .xattrs = description->xattrs,
        .xattrs_count = description->count,
    };
    return 0;
}
