#include "engine/store/undo.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/grow.h"
#include "engine/layer/marker.h"

#define RESERVED 4 /* entries that one call may add */

void ms_undo_clear(struct ms_undo *undo) {
    free(undo->entries);
    free(undo->levels);
    *undo = (struct ms_undo){0};
}

int ms_undo_begin(struct ms_undo *undo, struct ms_err *err) {
    size_t *levels = ms_grow(undo->levels, undo->depth, &undo->levels_room, sizeof *levels);
    if (levels == NULL)
        return ms_err_memory(err);
    undo->levels = levels;
    undo->levels[undo->depth++] = undo->count;
    return MS_OK;
}

int ms_undo_reserve(struct ms_undo *undo, struct ms_err *err) {
    struct ms_undo_entry *entries =
        ms_grow(undo->entries, undo->count + RESERVED - 1, &undo->room, sizeof *entries);
    if (entries == NULL)
        return ms_err_memory(err);
    undo->entries = entries;
    return MS_OK;
}

void ms_undo_add(struct ms_undo *undo, enum ms_undo_step step, int64_t number) {
    undo->entries[undo->count++] = (struct ms_undo_entry){.step = step, .number = number};
}

void ms_undo_add_make(struct ms_undo *undo, const struct ms_layer_spec *spec) {
    undo->entries[undo->count++] =
        (struct ms_undo_entry){.step = MS_BEFORE_MAKE, .number = spec->number, .spec = *spec};
    undo->unmade++;
}

void ms_undo_add_mark(struct ms_undo *undo, int64_t number) {
    ms_undo_add(undo, MS_BEFORE_MARK, number);
    undo->unmade++;
}

void ms_undo_made(struct ms_undo *undo, struct ms_undo_entry *entry) {
    entry->step = entry->step == MS_BEFORE_MARK ? MS_UNDO_UNMARK : MS_UNDO_UNMAKE;
    undo->unmade--;
}

void ms_undo_rollback(struct ms_undo *undo, const struct ms_place *place) {
    struct ms_err ignored;
    size_t start = undo->levels[--undo->depth];
    for (size_t i = undo->count; i > start; i--) {
        const struct ms_undo_entry *entry = &undo->entries[i - 1];
        if (entry->step == MS_UNDO_UNMAKE)
            ms_layer_unmake(place, entry->number);
        else if (entry->step == MS_UNDO_DISCARD)
            (void)ms_layer_trash(place, entry->number, &ignored);
        else if (entry->step == MS_UNDO_UNMARK)
            ms_marker_drop(place->layers_fd, entry->number);
        else if (entry->step == MS_BEFORE_MAKE || entry->step == MS_BEFORE_MARK)
            undo->unmade--;
    }
    undo->count = start;
}

void ms_undo_forget(struct ms_undo *undo) {
    size_t start = undo->levels[--undo->depth];
    for (size_t i = start; i < undo->count; i++)
        undo->unmade -=
            undo->entries[i].step == MS_BEFORE_MAKE || undo->entries[i].step == MS_BEFORE_MARK;
    undo->count = start;
}

void ms_undo_release(struct ms_undo *undo) { undo->depth--; }
