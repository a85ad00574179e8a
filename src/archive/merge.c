#include "archive/merge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "archive/describe.h"
#include "archive/drop.h"
#include "archive/name.h"
#include "archive/sink.h"
#include "archive/trail.h"
#include "base/dir.h"
#include "base/err.h"
#include "base/own.h"
#include "base/tree.h"

struct ms_merge {
    struct ms_merge_request request;
    struct ms_tree tree;   /* over the imported tree */
    struct ms_trail trail; /* in the copy, at the same path */
    struct ms_description description;
    struct ms_description before; /* what a directory of the copy had */
};

void ms_merge_free(struct ms_merge *merge) {
    if (merge == NULL)
        return;
    ms_tree_clear(&merge->tree);
    ms_trail_clear(&merge->trail);
    ms_description_clear(&merge->description);
    ms_description_clear(&merge->before);
    free(merge);
}

/* The trail's maker: a directory of the import takes the place of anything else. */
static int make_directory(void *self, int dir, const char *name, const char *path,
                          struct ms_err *err) {
    (void)self;
    int rc = ms_drop(dir, name, path, err);
    if (rc == 0 && mkdirat(dir, name, 0700) != 0)
        rc = ms_err_sys(err, errno, "make the directory '%.100s'", path);
    return rc;
}

int ms_merge_open(const struct ms_merge_request *request, struct ms_merge **out,
                  struct ms_err *err) {
    struct ms_merge *merge = calloc(1, sizeof *merge);
    if (merge == NULL)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "no memory to merge");
    struct ms_trail_maker maker = {.make = make_directory, .self = merge};
    merge->request = *request;
    merge->tree.force = true;
    int rc = ms_tree_open(&merge->tree, request->from, err);
    if (rc == 0)
        rc = ms_trail_open(&merge->trail, request->target, &maker, err);
    if (rc < 0) {
        ms_merge_free(merge);
        return rc;
    }
    *out = merge;
    return 0;
}

/* Does what one mark says to the directory that the trail stands in, and takes the mark away. */
static int obey(struct ms_merge *merge, int from, const char *mark, struct ms_err *err) {
    const char *path = merge->trail.path.bytes;
    const char *except = merge->trail.depth == 1 ? merge->request.from_name : NULL;
    int dir = ms_trail_fd(&merge->trail);
    int rc = strcmp(mark, MS_WHITEOUT_OPAQUE) == 0
                 ? ms_drop_content(dir, except, path, err)
                 : ms_drop(dir, mark + strlen(MS_WHITEOUT_PREFIX), mark, err);
    if (rc == 0 && unlinkat(from, mark, 0) != 0)
        rc = ms_err_sys(err, errno, "merge '%.100s'", mark);
    return rc;
}

/* Obeys all marks in the directory from, before anything of it moves over. */
static int obey_all(struct ms_merge *merge, int from, struct ms_err *err) {
    if (!merge->request.marks)
        return 0;
    ms_auto_closedir DIR *dir = ms_dir_read(from);
    if (dir == NULL)
        return ms_err_sys(err, errno, "merge '%.100s'", merge->tree.path.bytes);
    const struct dirent *item = NULL;
    int rc = 0;
    while (rc == 0 && (item = ms_dir_next(dir)) != NULL)
        if (strncmp(item->d_name, MS_WHITEOUT_PREFIX, strlen(MS_WHITEOUT_PREFIX)) == 0)
            rc = obey(merge, from, item->d_name, err);
    return rc;
}

/* Walks the trail to the directory that holds item. */
static int go_above(struct ms_merge *merge, const struct ms_tree_item *item, struct ms_err *err) {
    size_t above = strlen(item->path) - strlen(item->name);
    return ms_trail_go(&merge->trail, item->path, above > 0 ? above - 1 : 0, err);
}

static int move(struct ms_merge *merge, const struct ms_tree_item *item, struct ms_err *err) {
    int rc = go_above(merge, item, err);
    if (rc < 0)
        return rc;
    int dir = ms_trail_fd(&merge->trail);
    if (renameat(item->dir, item->name, dir, item->name) != 0) {
        if (errno != EISDIR)
            return ms_err_sys(err, errno, "merge '%.100s'", item->path);
        rc = ms_drop(dir, item->name, item->path, err);
        if (rc == 0 && renameat(item->dir, item->name, dir, item->name) != 0)
            rc = ms_err_sys(err, errno, "merge '%.100s'", item->path);
    }
    /* Two names of one file: rename has left both. */
    if (rc == 0 && item->st.st_nlink > 1)
        (void)unlinkat(item->dir, item->name, 0);
    return rc;
}

/* A directory without counterpart and marks moves over whole; 1 when it did. */
static int move_whole(struct ms_merge *merge, const struct ms_tree_item *item, struct ms_err *err) {
    int dir = ms_trail_fd(&merge->trail);
    struct stat st;
    if (merge->request.marks)
        return 0;
    bool there = fstatat(dir, item->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && S_ISDIR(st.st_mode))
        return 0;
    int rc = ms_drop(dir, item->name, item->path, err);
    if (rc < 0)
        return rc;
    if (renameat(item->dir, item->name, dir, item->name) != 0 ||
        fchmod(item->fd, item->st.st_mode & 07777) != 0)
        return ms_err_sys(err, errno, "merge '%.100s'", item->path);
    ms_tree_skip(&merge->tree);
    return 1;
}

static int enter(struct ms_merge *merge, const struct ms_tree_item *item, struct ms_err *err) {
    int rc = go_above(merge, item, err);
    if (rc == 0 && item->dir >= 0)
        rc = move_whole(merge, item, err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = ms_trail_go(&merge->trail, item->path, strlen(item->path), err);
    return rc < 0 ? rc : obey_all(merge, item->fd, err);
}

static bool has(const struct ms_entry *entry, const char *xattr) {
    for (size_t i = 0; i < entry->xattrs_count; i++)
        if (strcmp(entry->xattrs[i].name, xattr) == 0)
            return true;
    return false;
}

/* Takes those xattrs from the copy's directory that the import's has not. */
static int undress(struct ms_merge *merge, const struct ms_entry *entry, struct ms_err *err) {
    int fd = ms_trail_fd(&merge->trail);
    struct ms_at at = {.fd = fd, .path = entry->path};
    struct ms_entry before;
    struct stat st;
    if (fstat(fd, &st) != 0)
        return ms_err_sys(err, errno, "merge '%.100s'", ms_name_show(entry->path));
    int rc = ms_describe(&merge->before, &at, &st, &before, err);
    for (size_t i = 0; rc == 0 && i < before.xattrs_count; i++)
        if (!has(entry, before.xattrs[i].name))
            (void)fremovexattr(fd, before.xattrs[i].name);
    return rc;
}

static int leave(struct ms_merge *merge, const struct ms_tree_item *item, struct ms_err *err) {
    struct ms_entry entry;
    struct ms_at at = {.fd = item->fd, .path = item->path};
    int rc = ms_trail_go(&merge->trail, item->path, strlen(item->path), err);
    if (rc == 0)
        rc = ms_describe(&merge->description, &at, &item->st, &entry, err);
    if (rc == 0)
        rc = undress(merge, &entry, err);
    if (rc == 0)
        rc = ms_sink_dress(&merge->trail, merge->request.keeper, &entry, err);
    if (rc < 0)
        return rc;
    int dir = item->dir >= 0 ? item->dir : merge->request.target;
    const char *name = item->dir >= 0 ? item->name : merge->request.from_name;
    if (unlinkat(dir, name, AT_REMOVEDIR) != 0)
        return ms_err_sys(err, errno, "merge '%.100s'", ms_name_show(item->path));
    return 0;
}

int ms_merge_step(struct ms_merge *merge, struct ms_err *err) {
    struct ms_tree_item item;
    int rc = ms_tree_next(&merge->tree, &item, err);
    if (rc == 0)
        return ms_trail_finish(&merge->trail, err);
    if (rc < 0)
        return rc;
    if (item.event == MS_TREE_ITEM)
        rc = move(merge, &item, err);
    else
        rc = item.event == MS_TREE_ENTER ? enter(merge, &item, err) : leave(merge, &item, err);
    return rc < 0 ? rc : 1;
}
