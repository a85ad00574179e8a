/* stack.h - looks into a stack of layers as overlay would show them, without mounting.
 *
 * A stack is a list of layers, nearest first. At one directory only some of them take part: those
 * that have it, down to the first that hides the rest (opaque, whiteout, or not a directory). That
 * list, a struct ms_slice, is what a look-up starts from and what entering a directory narrows.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/names.h"

struct ms_err;

struct ms_stack {
    char **paths; /* absolute; owned */
    size_t count;
    bool stacks;      /* else layers are plain trees */
    bool user_xattrs; /* user.overlay.* instead of trusted.overlay.* */
};

int ms_stack_init(struct ms_stack *stack, const char *const *paths, size_t count,
                  struct ms_err *err);
void ms_stack_clear(struct ms_stack *stack);

/* Layers that show one directory, as indexes into the stack; owned. */
struct ms_slice {
    size_t *layers;
    size_t count;
};
void ms_slice_clear(struct ms_slice *slice);

/* All layers, at the root. */
int ms_slice_root(const struct ms_stack *stack, struct ms_slice *out, struct ms_err *err);

/* One entry as the stack shows it. */
struct ms_seen {
    bool exists;
    bool opaque;  /* a directory whose nearest layer hides the lower ones */
    size_t layer; /* the nearest that has it */
    struct stat st;
};

/* Looks for path, the last part of which lies in the directory that slice shows. When it is a
 * directory and below is not NULL, *below gets the layers that show it. */
int ms_stack_find(const struct ms_stack *stack, const struct ms_slice *slice, const char *path,
                  struct ms_seen *out, struct ms_slice *below, struct ms_err *err);

/* An entry's name for system calls, however long its path is: the layer's absolute path and the
 * entry's, or by way of a descriptor. */
struct ms_spot {
    char path[PATH_MAX];
    int fd; /* owned, or -1 */
};
int ms_spot_open(const struct ms_stack *stack, size_t layer, const char *path, struct ms_spot *out,
                 struct ms_err *err);
void ms_spot_close(struct ms_spot *spot);
#define ms_auto_spot __attribute__((cleanup(ms_spot_close)))

/* Adds the names in the directory path, of all layers of slice and whiteouts too, to *names, which
 * stays the caller's also on failure. The result is sorted, each name once. */
int ms_stack_names(const struct ms_stack *stack, const struct ms_slice *slice, const char *path,
                   struct ms_names *names, struct ms_err *err);
