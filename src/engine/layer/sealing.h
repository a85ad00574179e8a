/* sealing.h - makes what a layer holds durable, and measures it on the way, by steps.
 *
 *     level      promise once step has answered 0
 *     metadata   none for the content; the layer is measured
 *     layer      all files and directories of the layer are on disk
 *     full       the same, and whatever else was written to the file system before
 *
 * layer syncs each file and directory when there are at most MS_SEALING_FEW of them, else the whole
 * file system once (measured in docs/decisions/0006-sealing.md). Links, fifos and devices come with
 * their directory; where a file cannot be opened, the whole file system is synced too. It works on
 * the layer itself, never through an overlay, where a volatile mount would answer and save nothing.
 *
 * Whoever goes on writing into the layer meanwhile is not waited for.
 */
#pragma once

#include <stddef.h>

#include "engine/snapshot.h"

struct ms_err;
struct ms_sealing;

#define MS_SEALING_FEW 8

enum ms_durability {
    MS_DURABILITY_METADATA = 1,
    MS_DURABILITY_LAYER,
    MS_DURABILITY_FULL,
};

/* "metadata", "layer", "full"; NULL for any other number. */
const char *ms_durability_name(int durability);

/* The number of a word, 0 when it names none. */
int ms_durability_of_name(const char *name);

/* Begins with the layer's directory fd, which must stay open until the sealing is freed. */
int ms_sealing_open(int fd, int durability, struct ms_sealing **out, struct ms_err *err);

/* Looks at up to budget entries: 1 more to do, 0 sealed. The syncing itself is one step. */
int ms_sealing_step(struct ms_sealing *sealing, size_t budget, struct ms_err *err);

/* What the layer holds. */
void ms_sealing_usage(const struct ms_sealing *sealing, struct ms_usage *out);

void ms_sealing_free(struct ms_sealing *sealing);
