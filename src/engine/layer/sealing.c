#include "engine/layer/sealing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"
#include "base/tree.h"
#include "engine/layer/usage.h"

struct ms_sealing {
    int fd; /* borrowed */
    int durability;
    struct ms_tree tree;
    struct ms_usage_sum sum;
    size_t syncable; /* files and directories */
};

static const char *const names[] = {
    [MS_DURABILITY_METADATA] = "metadata",
    [MS_DURABILITY_LAYER] = "layer",
    [MS_DURABILITY_FULL] = "full",
};

const char *ms_durability_name(int durability) {
    if (durability < MS_DURABILITY_METADATA || durability > MS_DURABILITY_FULL)
        return NULL;
    return names[durability];
}

int ms_durability_of_name(const char *name) {
    for (int i = MS_DURABILITY_METADATA; i <= MS_DURABILITY_FULL; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return 0;
}

int ms_sealing_open(int fd, int durability, struct ms_sealing **out, struct ms_err *err) {
    struct ms_sealing *sealing = calloc(1, sizeof *sealing);
    if (sealing == NULL)
        return ms_err_memory(err);
    sealing->fd = fd;
    sealing->durability = durability;
    int code = ms_tree_open(&sealing->tree, fd, err);
    if (code < 0) {
        ms_sealing_free(sealing);
        return code;
    }
    *out = sealing;
    return MS_OK;
}

void ms_sealing_free(struct ms_sealing *sealing) {
    if (sealing == NULL)
        return;
    ms_tree_clear(&sealing->tree);
    ms_usage_sum_clear(&sealing->sum);
    free(sealing);
}

void ms_sealing_usage(const struct ms_sealing *sealing, struct ms_usage *out) {
    *out = sealing->sum.total;
}

/* fsyncs one entry; 1 when it cannot be opened, so that the whole file system must do. Links and
 * devices are part of their directory. */
static int sync_entry(const struct ms_tree_item *item, struct ms_err *err) {
    if (item->event == MS_TREE_ENTER || (item->event == MS_TREE_ITEM && !S_ISREG(item->st.st_mode)))
        return MS_OK;
    ms_auto_close int file = -1;
    if (item->event == MS_TREE_ITEM) {
        file = openat(item->dir, item->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (file < 0)
            return errno == ENOENT ? MS_OK : 1;
    }
    if (fsync(file >= 0 ? file : item->fd) < 0)
        return ms_err_sys(err, errno, "sync '%.100s'", item->path);
    return MS_OK;
}

/* Children before their directory, as the tree leaves them. */
static int sync_each(const struct ms_sealing *sealing, struct ms_err *err) {
    struct ms_tree tree = {0};
    struct ms_tree_item item;
    int code = ms_tree_open(&tree, sealing->fd, err);
    while (code == MS_OK && (code = ms_tree_next(&tree, &item, err)) == 1) {
        code = sync_entry(&item, err);
        if (item.mount)
            ms_tree_skip(&tree);
    }
    ms_tree_clear(&tree);
    return code;
}

static int sync_all(const struct ms_sealing *sealing, struct ms_err *err) {
    if (syncfs(sealing->fd) < 0)
        return ms_err_sys(err, errno, "sync the file system of the layer");
    return MS_OK;
}

static int finish(const struct ms_sealing *sealing, struct ms_err *err) {
    if (sealing->durability == MS_DURABILITY_METADATA)
        return MS_OK;
    if (sealing->durability == MS_DURABILITY_FULL || sealing->syncable > MS_SEALING_FEW)
        return sync_all(sealing, err);
    int code = sync_each(sealing, err);
    return code == 1 ? sync_all(sealing, err) : code;
}

int ms_sealing_step(struct ms_sealing *sealing, size_t budget, struct ms_err *err) {
    for (size_t done = 0; done < budget; done++) {
        struct ms_tree_item item;
        int code = ms_tree_next(&sealing->tree, &item, err);
        if (code == 0)
            return finish(sealing, err);
        if (code == 1)
            code = ms_usage_add(&sealing->sum, &item, err);
        if (code < 0)
            return code;
        sealing->syncable += item.event == MS_TREE_ENTER || S_ISREG(item.st.st_mode);
        if (item.mount)
            ms_tree_skip(&sealing->tree);
    }
    return 1;
}
