#include <string.h>

#include "base/err.h"
#include "base/own.h"
#include "base/text.h"
#include "engine/store/store_inside.h"

/* Makes what is missing, with the owner it had. When that cannot be told any more (the parent's
 * layer is gone, the mapping was changed), it is this process's. */
static int renew(struct ms_store *store, const struct ms_row_brief *row, struct ms_err *err) {
    ms_auto_labels struct ms_labels labels = {0};
    struct ms_layer_spec spec = {
        .number = row->number,
        .work = row->kind == MS_KIND_ACTIVE && store->driver->stacks,
    };
    struct ms_err ignored;
    int code = ms_meta_labels(&store->meta, row->number, &labels, err);
    if (code < 0)
        return code;
    if (ms_store_choose_owner(store, &labels, row->parent, &spec, &ignored) < 0)
        spec.chown = false;
    return ms_layer_renew(&store->place, &spec, err);
}

/* A marker is not waited for: a power cut may have taken the newest. */
static int see_to_marker(struct ms_store *store, int64_t number, struct ms_err *err) {
    ms_auto_marker struct ms_marker marker = {0};
    struct ms_err ignored;
    if (ms_marker_read(store->place.layers_fd, number, &marker, &ignored) == MS_OK)
        return MS_OK;
    return ms_store_mark(store, number, err);
}

/* An active promises an empty writable layer: one that never reached the disk is made anew. A
 * directory that had been on disk and is gone took content with it. */
static int see_to(struct ms_store *store, const struct ms_row_brief *row, uint64_t covered,
                  struct ms_err *err) {
    bool active = row->kind == MS_KIND_ACTIVE;
    if (row->damaged || !store->driver->has_layer(row->kind, row->parent != 0))
        return MS_OK;
    bool layer = ms_layer_exists(&store->place, row->number);
    bool work = !active || !store->driver->stacks || ms_work_exists(&store->place, row->number);
    if (layer && row->kind == MS_KIND_COMMITTED)
        return see_to_marker(store, row->number, err);
    if (layer && work)
        return MS_OK;
    bool promised = row->kind == MS_KIND_COMMITTED || (uint64_t)row->number <= covered ||
                    (!store->driver->stacks && row->parent != 0);
    if (!layer && promised)
        return ms_meta_set_damaged(&store->meta, row->number, true, err);
    return renew(store, row, err);
}

static int recover_inside(struct ms_store *store, struct ms_err *err) {
    ms_auto_rows struct ms_rows rows = {0};
    ms_auto_free char *setting = NULL;
    uint64_t covered = 0; /* directories up to this number are known to have been on disk */
    int code = ms_meta_setting(&store->meta, "covered", &setting, err);
    if (code == MS_OK && setting != NULL)
        (void)ms_parse_u64(setting, &covered);
    if (code == MS_OK)
        code = ms_meta_rows(&store->meta, &rows, err);
    for (size_t i = 0; code == MS_OK && i < rows.count; i++)
        code = see_to(store, &rows.items[i], covered, err);
    if (code == MS_OK)
        code = ms_store_cover(store, err);
    if (code == MS_OK)
        code = ms_meta_skip_events(&store->meta, err);
    if (code == MS_OK)
        code = ms_meta_set(&store->meta, "boot_id", store->boot_id, err);
    return code;
}

/* 1 when a writer of another boot was the last. */
static int is_due(struct ms_store *store, struct ms_err *err) {
    ms_auto_free char *boot_id = NULL;
    int code = ms_meta_setting(&store->meta, "boot_id", &boot_id, err);
    if (code < 0)
        return code;
    return boot_id == NULL || strcmp(boot_id, store->boot_id) != 0;
}

int ms_store_recover(struct ms_store *store, struct ms_err *err) {
    int due = is_due(store, err);
    if (due <= 0)
        return due;
    int code = ms_store_begin(store, err);
    if (code < 0)
        return code;
    due = is_due(store, err); /* somebody else may have done it while this one waited */
    code = due > 0 ? recover_inside(store, err) : due;
    return ms_store_end(store, code, err);
}
