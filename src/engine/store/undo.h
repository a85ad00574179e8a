/* undo.h - what a transaction owes the disk: steps to take back when it rolls back, and steps to do
 * once it is durable.
 *
 *     on            step           does
 *     commit        make           makes the directories of a number, before anything is durable
 *     commit        mark           writes the marker of a number from its row, likewise
 *     rollback      unmake         removes the empty directories of a number
 *     rollback      discard        moves the filled directories of a number to trash
 *     rollback      unmark         drops the marker of a number
 *     commit        trash          moves a number's directories to trash
 *     commit        mark           rewrites the marker of a number from its row
 *
 * Each savepoint starts a level. Rolling one back takes back its steps in reverse order, before the
 * database rolls back. After a COMMIT that failed, and when the database has rolled back by itself,
 * nothing at all is done: what stays is litter, which is the safe side.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/layer/layer.h"

struct ms_err;

enum ms_undo_step {
    MS_BEFORE_MAKE,
    MS_BEFORE_MARK,
    MS_UNDO_UNMAKE,
    MS_UNDO_DISCARD,
    MS_UNDO_UNMARK,
    MS_AFTER_TRASH,
    MS_AFTER_MARK,
};

struct ms_undo_entry {
    enum ms_undo_step step;
    int64_t number;
    struct ms_layer_spec spec; /* of make */
};

struct ms_undo {
    struct ms_undo_entry *entries;
    size_t count;
    size_t room;
    size_t *levels; /* count at the start of each open level */
    size_t depth;
    size_t levels_room;
    size_t unmade; /* entries that are MS_BEFORE_MAKE or MS_BEFORE_MARK */
};

void ms_undo_clear(struct ms_undo *undo);

/* Starts a level. Fails: resource_exhausted. */
int ms_undo_begin(struct ms_undo *undo, struct ms_err *err);

/* Makes sure that the next add cannot fail, so that it can follow the step it takes back. */
int ms_undo_reserve(struct ms_undo *undo, struct ms_err *err);
void ms_undo_add(struct ms_undo *undo, enum ms_undo_step step, int64_t number);

/* Notes directories, or a marker, that are to be made; made tells that they are, so that rolling
 * back unmakes them. */
void ms_undo_add_make(struct ms_undo *undo, const struct ms_layer_spec *spec);
void ms_undo_add_mark(struct ms_undo *undo, int64_t number);
void ms_undo_made(struct ms_undo *undo, struct ms_undo_entry *entry);

/* Takes back the steps of the innermost level and ends it. */
void ms_undo_rollback(struct ms_undo *undo, const struct ms_place *place);

/* Ends the innermost level and forgets its steps: what they made stays as litter. */
void ms_undo_forget(struct ms_undo *undo);

/* Ends the innermost level, its steps become the outer one's. At depth 0 the entries stay for the
 * caller to do and clear. */
void ms_undo_release(struct ms_undo *undo);
