#include "engine/diff/stack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/dir.h"
#include "base/err.h"
#include "base/own.h"

void ms_stack_clear(struct ms_stack *stack) {
    for (size_t i = 0; i < stack->count; i++)
        free(stack->paths[i]);
    free(stack->paths);
    *stack = (struct ms_stack){0};
}

int ms_stack_init(struct ms_stack *stack, const char *const *paths, size_t count,
                  struct ms_err *err) {
    stack->paths = calloc(count + 1, sizeof *stack->paths);
    if (stack->paths == NULL)
        return ms_err_memory(err);
    for (; stack->count < count; stack->count++) {
        stack->paths[stack->count] = strdup(paths[stack->count]);
        if (stack->paths[stack->count] == NULL)
            return ms_err_memory(err);
    }
    return MS_OK;
}

void ms_slice_clear(struct ms_slice *slice) {
    free(slice->layers);
    *slice = (struct ms_slice){0};
}

int ms_slice_root(const struct ms_stack *stack, struct ms_slice *out, struct ms_err *err) {
    out->layers = calloc(stack->count + 1, sizeof *out->layers);
    if (out->layers == NULL)
        return ms_err_memory(err);
    for (; out->count < stack->count; out->count++)
        out->layers[out->count] = out->count;
    return MS_OK;
}

void ms_spot_close(struct ms_spot *spot) { ms_own_close(&spot->fd); }

/* By a descriptor of the directory that holds it. */
static int open_far(const struct ms_stack *stack, size_t layer, const char *path,
                    struct ms_spot *out, struct ms_err *err) {
    ms_auto_close int root = open(stack->paths[layer], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *slash = strrchr(path, '/');
    ms_auto_free char *above = strndup(path, slash != NULL ? (size_t)(slash - path) : 0);
    if (above == NULL)
        return ms_err_memory(err);
    if (root < 0)
        return ms_err_sys(err, errno, "open the layer");
    out->fd = ms_dir_open_beneath(root, above, err);
    if (out->fd < 0)
        return out->fd;
    (void)snprintf(out->path, sizeof out->path, "/proc/self/fd/%d/%s", out->fd,
                   slash != NULL ? slash + 1 : path);
    return MS_OK;
}

int ms_spot_open(const struct ms_stack *stack, size_t layer, const char *path, struct ms_spot *out,
                 struct ms_err *err) {
    out->fd = -1;
    int size = snprintf(out->path, sizeof out->path, "%s/%s", stack->paths[layer], path);
    if (size >= 0 && size < PATH_MAX)
        return MS_OK;
    return open_far(stack, layer, path, out, err);
}

/* The value of overlay's xattr name, as a string in value; false when it has none. */
static bool overlay_xattr(const struct ms_stack *stack, const char *path, const char *name,
                          char value[8]) {
    char full[64];
    (void)snprintf(full, sizeof full, "%s.overlay.%s", stack->user_xattrs ? "user" : "trusted",
                   name);
    ssize_t size = lgetxattr(path, full, value, 7);
    value[size > 0 ? size : 0] = '\0';
    return size >= 0;
}

/* An empty file counts only in a directory that is marked to hold such. */
static bool is_whiteout(const struct ms_stack *stack, const struct ms_spot *spot,
                        const struct stat *st) {
    char value[8];
    if (!stack->stacks)
        return false;
    if (S_ISCHR(st->st_mode))
        return st->st_rdev == 0;
    if (!S_ISREG(st->st_mode) || st->st_size != 0 ||
        !overlay_xattr(stack, spot->path, "whiteout", value))
        return false;
    char above[PATH_MAX + 2];
    const char *slash = strrchr(spot->path, '/');
    (void)snprintf(above, sizeof above, "%.*s/.", (int)(slash - spot->path), spot->path);
    return overlay_xattr(stack, above, "opaque", value) && strcmp(value, "x") == 0;
}

static bool is_opaque(const struct ms_stack *stack, const char *full) {
    char value[8];
    return stack->stacks && overlay_xattr(stack, full, "opaque", value) && strcmp(value, "y") == 0;
}

/* Looks at path in one layer: 1 and *st, 0 when the layer has nothing there. */
static int look(const struct ms_stack *stack, size_t layer, const char *path, struct ms_spot *spot,
                struct stat *st, struct ms_err *err) {
    int code = ms_spot_open(stack, layer, path, spot, err);
    if (code == MS_NOT_FOUND)
        return 0;
    if (code < 0)
        return code;
    if (lstat(spot->path, st) == 0)
        return 1;
    if (errno == ENOENT || errno == ENOTDIR)
        return 0;
    return ms_err_sys(err, errno, "look at '%.100s'", path);
}

/* What one layer says about path. */
struct word {
    int there; /* <0: could not be asked */
    bool whiteout;
    bool opaque;
    struct stat st;
};

static struct word ask(const struct ms_stack *stack, size_t layer, const char *path,
                       struct ms_err *err) {
    ms_auto_spot struct ms_spot spot;
    struct word word = {0};
    word.there = look(stack, layer, path, &spot, &word.st, err);
    if (word.there <= 0)
        return word;
    word.whiteout = is_whiteout(stack, &spot, &word.st);
    word.opaque = S_ISDIR(word.st.st_mode) && is_opaque(stack, spot.path);
    return word;
}

int ms_stack_find(const struct ms_stack *stack, const struct ms_slice *slice, const char *path,
                  struct ms_seen *out, struct ms_slice *below, struct ms_err *err) {
    struct ms_slice found = {.layers = calloc(slice->count + 1, sizeof(size_t))};
    int code = MS_OK;
    *out = (struct ms_seen){0};
    if (found.layers == NULL)
        return ms_err_memory(err);
    for (size_t i = 0; code == MS_OK && i < slice->count; i++) {
        size_t layer = slice->layers[i];
        struct word word = ask(stack, layer, path, err);
        bool directory = S_ISDIR(word.st.st_mode);
        if (word.there < 0)
            code = word.there;
        if (word.there <= 0)
            continue;
        if (word.whiteout || (out->exists && !directory))
            break;
        if (!out->exists)
            *out = (struct ms_seen){
                .exists = true, .opaque = word.opaque, .layer = layer, .st = word.st};
        if (!directory)
            break;
        found.layers[found.count++] = layer;
        if (word.opaque)
            break;
    }
    if (code == MS_OK && below != NULL)
        *below = found;
    else
        ms_slice_clear(&found);
    return code;
}

static int read_names(const struct ms_stack *stack, size_t layer, const char *path,
                      struct ms_names *names, struct ms_err *err) {
    ms_auto_spot struct ms_spot spot;
    int code = ms_spot_open(stack, layer, path, &spot, err);
    if (code < 0)
        return code == MS_NOT_FOUND ? MS_OK : code;
    int fd = open(spot.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    ms_auto_closedir DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL)
        return errno == ENOENT ? MS_OK : ms_err_sys(err, errno, "read '%.100s'", path);
    const struct dirent *entry = NULL;
    while (code == MS_OK && (entry = ms_dir_next(dir)) != NULL)
        code = ms_names_add(names, entry->d_name, err);
    return code;
}

static int by_text(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Sorts, and drops what several layers have. */
static void settle(struct ms_names *names) {
    size_t kept = 0;
    if (names->count != 0)
        qsort(names->items, names->count, sizeof *names->items, by_text);
    for (size_t i = 0; i < names->count; i++) {
        if (kept != 0 && strcmp(names->items[kept - 1], names->items[i]) == 0)
            free(names->items[i]);
        else
            names->items[kept++] = names->items[i];
    }
    names->count = kept;
}

int ms_stack_names(const struct ms_stack *stack, const struct ms_slice *slice, const char *path,
                   struct ms_names *names, struct ms_err *err) {
    int code = MS_OK;
    for (size_t i = 0; code == MS_OK && i < slice->count; i++)
        code = read_names(stack, slice->layers[i], path, names, err);
    settle(names);
    return code;
}
