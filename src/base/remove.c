#include "base/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/err.h"
#include "base/own.h"
#include "base/tree.h"

#define MOUNTED "remove '%.100s': something is mounted on it"

struct ms_remove {
    int at;     /* a descriptor of its own */
    char *name; /* in at */
    bool directory;
    struct ms_tree tree; /* of a directory */
    uint64_t count;
    uint64_t stayed;     /* entries that could not be removed */
    struct ms_err first; /* why the first of them */
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

/* Notes why something stays; only the first reason is told. */
__attribute__((format(printf, 4, 5))) static void note(struct ms_remove *remove, int kind, int sys,
                                                       const char *format, ...) {
    char text[160];
    va_list values;
    remove->stayed++;
    if (remove->stayed > 1)
        return;
    va_start(values, format);
    (void)vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (sys != 0)
        ms_err_sys(&remove->first, sys, "%s", text);
    else
        ms_err_set(&remove->first, kind, "%s", text);
}

static int begin_tree(struct ms_remove *remove, dev_t above, struct ms_err *err) {
    struct stat st;
    ms_auto_close int fd =
        openat(remove->at, remove->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return ms_err_sys(err, errno, "remove '%.100s'", remove->name);
    if (ms_dir_is_mount(fd, above)) {
        note(remove, MS_FAILED_PRECONDITION, 0, MOUNTED, remove->name);
        return MS_OK;
    }
    if ((st.st_mode & S_IRWXU) != S_IRWXU) {
        char self[32];
        (void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
        (void)chmod(self, (st.st_mode & 07777) | S_IRWXU);
    }
    remove->tree.force = true;
    struct ms_err why = {0};
    if (ms_tree_open(&remove->tree, fd, &why) < 0) {
        remove->first = why;
        remove->stayed++;
    }
    return MS_OK;
}

int ms_remove_open(int at, const char *name, struct ms_remove **out, struct ms_err *err) {
    __attribute__((cleanup(own_remove))) struct ms_remove *remove = calloc(1, sizeof *remove);
    struct stat above;
    struct stat st;
    if (remove == NULL)
        return ms_err_memory(err);
    remove->at = openat(at, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    remove->name = strdup(name);
    if (remove->name == NULL)
        return ms_err_memory(err);
    if (remove->at < 0 || fstat(remove->at, &above) < 0 ||
        fstatat(remove->at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return ms_err_sys(err, errno, "remove '%.100s'", name);
    remove->directory = S_ISDIR(st.st_mode);
    int code = remove->directory ? begin_tree(remove, above.st_dev, err) : MS_OK;
    if (code < 0)
        return code;
    *out = ms_take_ptr(&remove);
    return MS_OK;
}

uint64_t ms_remove_count(const struct ms_remove *remove) { return remove->count; }

/* Unlinks one entry. A directory that only stays for what stays in it is no reason of its own. */
static void take_away(struct ms_remove *remove, int dir, const char *name, int flags,
                      const char *path) {
    if (unlinkat(dir, name, flags) == 0)
        remove->count++;
    else if (errno != ENOENT && !(errno == ENOTEMPTY && remove->stayed > 0))
        note(remove, 0, errno, "remove '%.100s'", path);
}

static void visit(struct ms_remove *remove, const struct ms_tree_item *item) {
    if (item->event == MS_TREE_ITEM && item->sys == 0) {
        take_away(remove, item->dir, item->name, 0, item->path);
    } else if (item->event == MS_TREE_ITEM) {
        if (unlinkat(item->dir, item->name, AT_REMOVEDIR) == 0)
            remove->count++;
        else if (errno != ENOENT)
            note(remove, 0, item->sys, "remove '%.100s'", item->path);
    } else if (item->event == MS_TREE_ENTER && item->mount) {
        note(remove, MS_FAILED_PRECONDITION, 0, MOUNTED, item->path);
        ms_tree_skip(&remove->tree);
    } else if (item->event == MS_TREE_LEAVE && item->dir >= 0) {
        take_away(remove, item->dir, item->name, AT_REMOVEDIR, item->path);
    }
}

/* What is left is the entry itself. */
static int finish(struct ms_remove *remove, struct ms_err *err) {
    if (remove->stayed == 0)
        take_away(remove, remove->at, remove->name, remove->directory ? AT_REMOVEDIR : 0,
                  remove->name);
    if (remove->stayed == 0)
        return 0;
    *err = remove->first;
    if (remove->stayed > 1)
        ms_err_wrap(err, "%" PRIu64 " entries stay, the first", remove->stayed);
    return err->kind;
}

int ms_remove_step(struct ms_remove *remove, size_t budget, struct ms_err *err) {
    for (size_t done = 0; done < budget; done++) {
        struct ms_tree_item item;
        int code = ms_tree_next(&remove->tree, &item, err);
        if (code < 0)
            return code;
        if (code == 0)
            return finish(remove, err);
        visit(remove, &item);
    }
    return 1;
}
