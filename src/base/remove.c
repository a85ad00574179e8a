#include "base/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"
#include "base/tree.h"

struct ms_remove {
    int at;     /* a descriptor of its own */
    char *name; /* in at */
    bool directory;
    struct ms_tree tree; /* of a directory */
    uint64_t count;
    struct ms_err first; /* why something stays; kind 0: nothing does */
};

void ms_remove_free(struct ms_remove *remove) {
    if (remove == NULL)
        return;
    ms_tree_clear(&remove->tree);
    ms_own_close(&remove->at);
    free(remove->name);
    free(remove);
}

static void own_remove(struct ms_remove **remove) { ms_remove_free(*remove); }

int ms_remove_open(int at, const char *name, struct ms_remove **out, struct ms_err *err) {
    __attribute__((cleanup(own_remove))) struct ms_remove *remove = calloc(1, sizeof *remove);
    struct stat st;
    if (remove == NULL)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "out of memory");
    remove->at = openat(at, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    remove->name = strdup(name);
    if (remove->name == NULL)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "out of memory");
    if (remove->at < 0 || fstatat(remove->at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return ms_err_sys(err, errno, "remove '%.100s'", name);
    if (S_ISDIR(st.st_mode)) {
        if ((st.st_mode & S_IRWXU) != S_IRWXU)
            (void)fchmodat(remove->at, name, (st.st_mode & 07777) | S_IRWXU, 0);
        ms_auto_close int fd =
            openat(remove->at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return ms_err_sys(err, errno, "remove '%.100s'", name);
        remove->directory = true;
        remove->tree.force = true;
        int code = ms_tree_open(&remove->tree, fd, err);
        if (code < 0)
            return code;
    }
    *out = ms_take_ptr(&remove);
    return MS_OK;
}

uint64_t ms_remove_count(const struct ms_remove *remove) { return remove->count; }

/* Unlinks one entry; what stays is noted, unless a reason was noted already. */
static void take_away(struct ms_remove *remove, int dir, const char *name, int flags,
                      const char *path) {
    if (unlinkat(dir, name, flags) == 0)
        remove->count++;
    else if (errno != ENOENT && remove->first.kind == MS_OK)
        ms_err_sys(&remove->first, errno, "remove '%.100s'", path);
}

static void visit(struct ms_remove *remove, const struct ms_tree_item *item) {
    if (item->event == MS_TREE_ITEM) {
        take_away(remove, item->dir, item->name, 0, item->path);
    } else if (item->event == MS_TREE_ENTER && item->mount) {
        if (remove->first.kind == MS_OK)
            ms_err_set(&remove->first, MS_FAILED_PRECONDITION,
                       "remove '%.100s': something is mounted on it", item->path);
        ms_tree_skip(&remove->tree);
    } else if (item->event == MS_TREE_LEAVE && item->dir >= 0) {
        take_away(remove, item->dir, item->name, AT_REMOVEDIR, item->path);
    }
}

int ms_remove_step(struct ms_remove *remove, size_t budget, struct ms_err *err) {
    int code = remove->directory ? 1 : 0;
    for (size_t done = 0; code == 1 && done < budget; done++) {
        struct ms_tree_item item;
        code = ms_tree_next(&remove->tree, &item, err);
        if (code == 1)
            visit(remove, &item);
    }
    if (code != 0)
        return code;
    if (remove->first.kind == MS_OK)
        take_away(remove, remove->at, remove->name, remove->directory ? AT_REMOVEDIR : 0,
                  remove->name);
    if (remove->first.kind == MS_OK)
        return 0;
    *err = remove->first;
    return err->kind;
}
