/* sink.h - writes entries into a tree, one after the other.
 *
 *     begin    makes what the entry names; 1 when its content is to be written, 0 when it is done
 *     write    a piece of content
 *     end      after the content: owner, mode, times
 *     finish   after the last entry: times of the directories that are still open
 *
 * Where an entry meets something of that name: a directory merges with a directory; anything else
 * is replaced, whole trees too. See import.h for what is refused and what hides.
 */
#pragma once

#include <stdbool.h>

#include "archive/attr.h"
#include "archive/entry.h"
#include "archive/hide.h"
#include "archive/name.h"
#include "archive/trail.h"

struct ms_err;

struct ms_sink {
    struct ms_trail trail;
    struct ms_keeper keeper;
    struct ms_hider hider;
    bool has_parent;
    int below; /* DELETE: the copy of the parent, where hard links may lead; borrowed. Else -1 */
    struct ms_name name;
    struct ms_name target;
    bool own_directory; /* the entry is the directory that is being made, not one below it */
    int file;           /* the file that is being written, or -1; owned */
    int64_t written_to;
};

/* Begins in the directory root, which is borrowed for the call; the rest of *sink is set by the
 * caller (keeper, hider, has_parent, below). */
int ms_sink_open(struct ms_sink *sink, int root, struct ms_err *err);

int ms_sink_begin(struct ms_sink *sink, const struct ms_entry *entry, struct ms_err *err);
int ms_sink_write(struct ms_sink *sink, const struct ms_piece *piece, struct ms_err *err);
int ms_sink_end(struct ms_sink *sink, const struct ms_entry *entry, struct ms_err *err);
int ms_sink_finish(struct ms_sink *sink, struct ms_err *err);
void ms_sink_clear(struct ms_sink *sink);

/* Sets what entry says on the directory that trail stands in. */
int ms_sink_dress(struct ms_trail *trail, const struct ms_keeper *keeper,
                  const struct ms_entry *entry, struct ms_err *err);
