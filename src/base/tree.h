/* tree.h - visits a tree depth first by descriptors, an item a call.
 *
 *     MS_TREE_ITEM     anything but a directory
 *     MS_TREE_ENTER    a directory, before what is in it; ms_tree_skip leaves its content out
 *     MS_TREE_LEAVE    the same directory, after all that is in it
 *
 * Never follows a link. What was visited may be moved or removed by the caller before the next
 * call. What vanishes meanwhile is passed over. Descriptors are bounded however deep the tree is;
 * memory is bounded by the deepest path. The root itself is entered and left too, with the path "".
 */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/text.h"

struct ms_err;

enum ms_tree_event { MS_TREE_ITEM, MS_TREE_ENTER, MS_TREE_LEAVE };

/* Borrowed from the tree until its next call. */
struct ms_tree_item {
    enum ms_tree_event event;
    int dir;          /* the directory that holds it; -1 for the root */
    const char *name; /* in dir; "" for the root */
    const char *path; /* from the root */
    int fd;           /* of a directory; -1 for anything else */
    struct stat st;
    bool mount; /* a directory on which something is mounted */
    int sys;    /* forced: why a directory, told as an item, cannot be opened; else 0 */
};

struct ms_tree_level;

struct ms_tree {
    struct ms_tree_level *levels; /* owned */
    size_t depth;
    size_t room;
    struct ms_text path;
    bool force; /* for deletion: makes directories readable and writable on entering, but none
                 * that is mounted, and tells those that it cannot open as items */
};

/* Begins at the directory root, which is borrowed for the call. */
int ms_tree_open(struct ms_tree *tree, int root, struct ms_err *err);

/* 1 and an item, 0 after the root was left, <0. */
int ms_tree_next(struct ms_tree *tree, struct ms_tree_item *out, struct ms_err *err);

/* After an ENTER: neither visits what is in the directory nor leaves it. */
void ms_tree_skip(struct ms_tree *tree);

void ms_tree_clear(struct ms_tree *tree);
