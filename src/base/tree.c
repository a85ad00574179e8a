#include "base/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/err.h"
#include "base/grow.h"
#include "base/own.h"

#define OPEN_MAX_LEVELS 64
#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct ms_tree_level {
    DIR *dir;        /* NULL while closed to save descriptors */
    long position;   /* where to go on reading once it is open again */
    size_t path_end; /* its path is the first path_end bytes of the tree's */
    size_t base;     /* where its name begins in the path */
    struct stat st;
    bool entered; /* told to the caller */
    bool left;    /* the same; goes at the next call */
};

void ms_tree_clear(struct ms_tree *tree) {
    for (size_t i = 0; i < tree->depth; i++)
        ms_own_closedir(&tree->levels[i].dir);
    free(tree->levels);
    ms_text_clear(&tree->path);
    *tree = (struct ms_tree){0};
}

static struct ms_tree_level *top(const struct ms_tree *tree) {
    return &tree->levels[tree->depth - 1];
}

static int failed(const struct ms_tree *tree, const char *what, struct ms_err *err) {
    return ms_err_sys(err, errno, "%s '%.100s'", what, tree->path.bytes);
}

/* Closes the level far above the last one and notes where it was. */
static void save_descriptors(struct ms_tree *tree) {
    if (tree->depth <= OPEN_MAX_LEVELS)
        return;
    struct ms_tree_level *far = &tree->levels[tree->depth - 1 - OPEN_MAX_LEVELS];
    if (far->dir == NULL)
        return;
    far->position = telldir(far->dir);
    ms_own_closedir(&far->dir);
    far->dir = NULL;
}

/* Adds a level for the directory fd, which it takes. Its path is the tree's already. */
static int push(struct ms_tree *tree, int fd, size_t base, struct ms_err *err) {
    ms_auto_close int mine = fd;
    struct ms_tree_level *levels = ms_grow(tree->levels, tree->depth, &tree->room, sizeof *levels);
    if (levels == NULL)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "no memory for a path this deep");
    tree->levels = levels;
    struct ms_tree_level level = {.path_end = tree->path.size, .base = base};
    if (fstat(mine, &level.st) != 0)
        return failed(tree, "look at", err);
    level.dir = fdopendir(mine);
    if (level.dir == NULL)
        return failed(tree, "read", err);
    (void)ms_take_fd(&mine);
    tree->levels[tree->depth++] = level;
    save_descriptors(tree);
    return 0;
}

int ms_tree_open(struct ms_tree *tree, int root, struct ms_err *err) {
    bool force = tree->force;
    *tree = (struct ms_tree){.force = force};
    ms_text_append(&tree->path, "", 0);
    int rc = ms_text_check(&tree->path, err);
    if (rc < 0)
        return rc;
    int fd = openat(root, ".", OPEN_DIRECTORY);
    return fd < 0 ? failed(tree, "open", err) : push(tree, fd, 0, err);
}

/* Opens the last level's directory again, seen from the one below it that is about to be left. */
static int reopen_above(struct ms_tree *tree, struct ms_err *err) {
    struct ms_tree_level *above = top(tree) - 1;
    if (above->dir != NULL)
        return 0;
    ms_auto_close int fd = openat(dirfd(top(tree)->dir), "..", OPEN_DIRECTORY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return failed(tree, "go up from", err);
    if (st.st_dev != above->st.st_dev || st.st_ino != above->st.st_ino)
        return ms_err_set(err, MS_ABORTED, "go up from '%.100s': somebody moved it meanwhile",
                          tree->path.bytes);
    above->dir = fdopendir(fd);
    if (above->dir == NULL)
        return failed(tree, "read", err);
    (void)ms_take_fd(&fd);
    seekdir(above->dir, above->position);
    return 0;
}

static void pop(struct ms_tree *tree) {
    ms_own_closedir(&top(tree)->dir);
    tree->depth -= 1;
    if (tree->depth == 0)
        return;
    tree->path.size = top(tree)->path_end;
    tree->path.bytes[tree->path.size] = '\0';
}

/* The level above one that was entered just now is still open. */
void ms_tree_skip(struct ms_tree *tree) { pop(tree); }

/* Fills *out for the last level's directory. */
static void tell(const struct ms_tree *tree, enum ms_tree_event event, struct ms_tree_item *out) {
    const struct ms_tree_level *here = top(tree);
    bool root = tree->depth == 1;
    *out = (struct ms_tree_item){
        .event = event,
        .dir = root ? -1 : dirfd((here - 1)->dir),
        .name = tree->path.bytes + here->base,
        .path = tree->path.bytes,
        .fd = dirfd(here->dir),
        .st = here->st,
        .mount = !root && event == MS_TREE_ENTER &&
                 ms_dir_is_mount(dirfd(here->dir), (here - 1)->st.st_dev),
    };
}

/* Gives the owner all rights over a directory of ours; by descriptor, for a link could have taken
 * its place. */
static void open_up(const struct ms_tree *tree, int dir, const char *name) {
    char self[32];
    struct stat st;
    ms_auto_close int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || ms_dir_is_mount(fd, top(tree)->st.st_dev) || fstat(fd, &st) < 0)
        return;
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    (void)chmod(self, (st.st_mode & 07777) | S_IRWXU);
}

/* -1 and errno when it cannot be opened. */
static int open_directory(const struct ms_tree *tree, int dir, const char *name, mode_t mode) {
    if (tree->force && (mode & S_IRWXU) != S_IRWXU)
        open_up(tree, dir, name);
    return openat(dir, name, OPEN_DIRECTORY);
}

/* Puts name at the end of the path; *base is where it begins. */
static int name_path(struct ms_tree *tree, const char *name, size_t *base, struct ms_err *err) {
    if (tree->path.size > 0)
        ms_text_append(&tree->path, "/", 1);
    *base = tree->path.size;
    ms_text_puts(&tree->path, name);
    return ms_text_check(&tree->path, err);
}

/* Looks at name of the last level; 1 and *out, or 0 when it has gone. */
static int visit(struct ms_tree *tree, const char *name, struct ms_tree_item *out,
                 struct ms_err *err) {
    int dir = dirfd(top(tree)->dir);
    size_t base = 0;
    int rc = name_path(tree, name, &base, err);
    if (rc < 0)
        return rc;
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : failed(tree, "look at", err);
    int fd = S_ISDIR(st.st_mode) ? open_directory(tree, dir, name, st.st_mode) : -1;
    if (fd >= 0) {
        rc = push(tree, fd, base, err);
        if (rc < 0)
            return rc;
        top(tree)->entered = true;
        top(tree)->st.st_mode = st.st_mode; /* as it was before force */
        tell(tree, MS_TREE_ENTER, out);
        return 1;
    }
    if (S_ISDIR(st.st_mode) && errno == ENOENT)
        return 0;
    if (S_ISDIR(st.st_mode) && !tree->force)
        return failed(tree, "open", err);
    *out = (struct ms_tree_item){.event = MS_TREE_ITEM,
                                 .dir = dir,
                                 .name = tree->path.bytes + base,
                                 .path = tree->path.bytes,
                                 .fd = -1,
                                 .st = st,
                                 .sys = S_ISDIR(st.st_mode) ? errno : 0};
    return 1;
}

/* The next name of the last level, or NULL; errno 0 at the end. */
static const char *read_name(struct ms_tree *tree) {
    errno = 0;
    const struct dirent *item = ms_dir_next(top(tree)->dir);
    return item != NULL ? item->d_name : NULL;
}

/* The path back to the last level's, after an item of it or a directory that was left. */
static void back_to_level(struct ms_tree *tree) {
    tree->path.size = top(tree)->path_end;
    tree->path.bytes[tree->path.size] = '\0';
}

int ms_tree_next(struct ms_tree *tree, struct ms_tree_item *out, struct ms_err *err) {
    int rc = 0;
    while (rc == 0 && tree->depth > 0) {
        if (!top(tree)->entered) {
            top(tree)->entered = true;
            tell(tree, MS_TREE_ENTER, out);
            return 1;
        }
        if (top(tree)->left) {
            pop(tree);
            continue;
        }
        back_to_level(tree);
        const char *name = read_name(tree);
        if (name != NULL) {
            rc = visit(tree, name, out, err);
            continue;
        }
        if (errno != 0)
            return failed(tree, "read", err);
        if (tree->depth > 1)
            rc = reopen_above(tree, err);
        if (rc < 0)
            return rc;
        top(tree)->left = true;
        tell(tree, MS_TREE_LEAVE, out);
        return 1;
    }
    return rc;
}
