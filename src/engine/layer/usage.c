#include "engine/layer/usage.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/tree.h"

/* One slot of an open-addressed set; ino 0 is a free one. */
struct ms_usage_seen {
    uint64_t dev;
    uint64_t ino;
};

struct ms_usage_walk {
    struct ms_tree tree;
    struct ms_usage_sum sum;
};

static size_t slot_of(const struct ms_usage_sum *sum, uint64_t dev, uint64_t ino) {
    uint64_t hash = (ino * 0x9e3779b97f4a7c15ULL) ^ (dev * 0xc2b2ae3d27d4eb4fULL);
    size_t slot = (size_t)(hash >> 16) & (sum->room - 1);
    while (sum->seen[slot].ino != 0 && (sum->seen[slot].ino != ino || sum->seen[slot].dev != dev))
        slot = (slot + 1) & (sum->room - 1);
    return slot;
}

static int grow(struct ms_usage_sum *sum, struct ms_err *err) {
    struct ms_usage_sum bigger = {.room = sum->room == 0 ? 64 : sum->room * 2};
    bigger.seen = calloc(bigger.room, sizeof *bigger.seen);
    if (bigger.seen == NULL)
        return ms_err_memory(err);
    for (size_t i = 0; i < sum->room; i++)
        if (sum->seen[i].ino != 0)
            bigger.seen[slot_of(&bigger, sum->seen[i].dev, sum->seen[i].ino)] = sum->seen[i];
    free(sum->seen);
    sum->seen = bigger.seen;
    sum->room = bigger.room;
    return MS_OK;
}

/* 1 when this inode was not seen before. */
static int is_new(struct ms_usage_sum *sum, const struct stat *st, struct ms_err *err) {
    if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
        return 1;
    if (sum->count * 2 >= sum->room) {
        int code = grow(sum, err);
        if (code < 0)
            return code;
    }
    size_t slot = slot_of(sum, st->st_dev, st->st_ino);
    if (sum->seen[slot].ino != 0)
        return 0;
    sum->seen[slot] = (struct ms_usage_seen){.dev = st->st_dev, .ino = st->st_ino};
    sum->count++;
    return 1;
}

int ms_usage_add(struct ms_usage_sum *sum, const struct ms_tree_item *item, struct ms_err *err) {
    if (item->event == MS_TREE_LEAVE)
        return MS_OK;
    int code = is_new(sum, &item->st, err);
    if (code <= 0)
        return code;
    sum->total.size_bytes += (int64_t)item->st.st_blocks * 512;
    sum->total.inodes++;
    return MS_OK;
}

void ms_usage_sum_clear(struct ms_usage_sum *sum) {
    free(sum->seen);
    *sum = (struct ms_usage_sum){0};
}

void ms_usage_free(struct ms_usage_walk *walk) {
    if (walk == NULL)
        return;
    ms_tree_clear(&walk->tree);
    ms_usage_sum_clear(&walk->sum);
    free(walk);
}

int ms_usage_open(int fd, struct ms_usage_walk **out, struct ms_err *err) {
    struct ms_usage_walk *walk = calloc(1, sizeof *walk);
    if (walk == NULL)
        return ms_err_memory(err);
    int code = ms_tree_open(&walk->tree, fd, err);
    if (code < 0) {
        ms_usage_free(walk);
        return code;
    }
    *out = walk;
    return MS_OK;
}

int ms_usage_step(struct ms_usage_walk *walk, size_t budget, struct ms_err *err) {
    for (size_t done = 0; done < budget; done++) {
        struct ms_tree_item item;
        int code = ms_tree_next(&walk->tree, &item, err);
        if (code <= 0)
            return code;
        code = ms_usage_add(&walk->sum, &item, err);
        if (code < 0)
            return code;
        if (item.mount)
            ms_tree_skip(&walk->tree);
    }
    return 1;
}

void ms_usage_total(const struct ms_usage_walk *walk, struct ms_usage *out) {
    *out = walk->sum.total;
}
