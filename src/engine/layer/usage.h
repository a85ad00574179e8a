/* usage.h - measures a layer by steps, as du does.
 *
 * Adds blocks * 512 of every inode in a tree, its root too; an inode with several names counts once
 * (overlay's whiteouts are such). What vanishes meanwhile is passed over; what is
 * mounted in the layer does not belong to it.
 */
#pragma once

#include <stddef.h>

#include "engine/snapshot.h"

struct ms_err;
struct ms_tree_item;
struct ms_usage_walk;

/* Begins at the directory fd, borrowed for the call. */
int ms_usage_open(int fd, struct ms_usage_walk **out, struct ms_err *err);

/* Looks at up to budget entries: 1 more to do, 0 done. */
int ms_usage_step(struct ms_usage_walk *walk, size_t budget, struct ms_err *err);

/* What was added up so far. */
void ms_usage_total(const struct ms_usage_walk *walk, struct ms_usage *out);

void ms_usage_free(struct ms_usage_walk *walk);

/* The adding up alone, for whoever walks a tree anyway. Zero-initialised is empty. */
struct ms_usage_sum {
    struct ms_usage total;
    struct ms_usage_seen *seen; /* inodes with several names; owned */
    size_t count;
    size_t room;
};
int ms_usage_add(struct ms_usage_sum *sum, const struct ms_tree_item *item, struct ms_err *err);
void ms_usage_sum_clear(struct ms_usage_sum *sum);
