#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/err.h"
#include "base/own.h"
#include "engine/layer/marker.h"
#include "engine/store/store_inside.h"

struct check {
    struct ms_store *store;
    bool repair;
    struct ms_findings *findings;
    struct ms_rows rows;
    int64_t sequence;
};

void ms_findings_clear(struct ms_findings *findings) {
    for (size_t i = 0; i < findings->count; i++) {
        free(findings->items[i].what);
        free(findings->items[i].where);
        free(findings->items[i].repair);
    }
    free(findings->items);
    *findings = (struct ms_findings){0};
}

/* Adds a finding, whose strings and where are copied. */
static int report(struct check *check, struct ms_finding finding, const char *where,
                  struct ms_err *err) {
    struct ms_findings *list = check->findings;
    struct ms_finding *items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (items == NULL)
        return ms_err_memory(err);
    list->items = items;
    struct ms_finding *item = &items[list->count++]; /* ms_findings_clear frees it from here on */
    *item = finding;
    item->what = strdup(finding.what);
    item->repair = strdup(finding.repair);
    item->where = strdup(where);
    if (item->what == NULL || item->repair == NULL || item->where == NULL)
        return ms_err_memory(err);
    return MS_OK;
}

/* A finding about the directory or link PART/NAME. */
static int report_entry(struct check *check, struct ms_finding finding, const char *part,
                        const char *name, struct ms_err *err) {
    char where[320];
    (void)snprintf(where, sizeof where, "%s/%.250s", part, name);
    return report(check, finding, where, err);
}

/* A finding about the row of a snapshot. */
static int report_row(struct check *check, struct ms_finding finding, const char *ns,
                      const char *key, struct ms_err *err) {
    ms_auto_free char *where = NULL;
    if (asprintf(&where, "%s %s", ns, key) < 0 || where == NULL)
        return ms_err_memory(err);
    return report(check, finding, where, err);
}

/* ---- the database -------------------------------------------------------------------------- */

static int check_pragma(struct check *check, const char *sql, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(&check->store->meta, sql, &statement, err);
    while (code == MS_OK &&
           (code = ms_meta_step(&check->store->meta, statement, "check metadata.db", err)) == 1) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        struct ms_finding finding = {.what = "database",
                                     .repair = "keep a copy and `moonsnap check --repair` after "
                                               "moving metadata.db away",
                                     .serious = true};
        code = text == NULL || strcmp(text, "ok") == 0 ? MS_OK : report(check, finding, text, err);
    }
    return code;
}

/* ---- rows that lack something -------------------------------------------------------------- */

/* What a row promises is gone. Nothing can bring it back: the row goes, or, while children need it,
 * stays and is marked. */
static int lost_layer(struct check *check, const struct ms_row_brief *row, const char *ns,
                      const char *key, struct ms_err *err) {
    struct ms_store *store = check->store;
    struct ms_finding finding = {.what = "missing layer",
                                 .repair = "remove the snapshot",
                                 .repaired = check->repair,
                                 .serious = true};
    bool children = false;
    int code = ms_meta_has_children(&store->meta, row->number, &children, err);
    if (code == MS_OK && children) {
        finding.repair = "mark it damaged: it has children, remove them first";
        finding.repaired = false;
    }
    if (code == MS_OK && check->repair && children)
        code = ms_meta_set_damaged(&store->meta, row->number, true, err);
    if (code == MS_OK && check->repair && !children)
        code = ms_store_remove(store, ns, key, true, err);
    if (code == MS_FAILED_PRECONDITION) { /* the rest can be mended all the same */
        finding.repair = "remove the snapshot: it is mounted or pinned, end that first";
        finding.repaired = false;
        code = MS_OK;
    }
    return code < 0 ? code : report_row(check, finding, ns, key, err);
}

static int missing_work(struct check *check, const struct ms_row_brief *row, struct ms_err *err) {
    char name[32];
    struct ms_finding finding = {
        .what = "missing work", .repair = "make it anew", .repaired = check->repair};
    struct ms_layer_spec spec = {.number = row->number, .work = true};
    int code = check->repair ? ms_layer_renew(&check->store->place, &spec, err) : MS_OK;
    (void)snprintf(name, sizeof name, "%lld", (long long)row->number);
    return code < 0 ? code : report_entry(check, finding, "work", name, err);
}

static int check_marker(struct check *check, const struct ms_row_brief *row, struct ms_err *err) {
    ms_auto_marker struct ms_marker marker = {0};
    ms_auto_marker struct ms_marker wanted = {0};
    struct ms_err why;
    char name[32];
    bool same = false;
    int there = ms_marker_read(check->store->place.layers_fd, row->number, &marker, &why);
    int code = ms_store_marker(check->store, row->number, &wanted, err);
    if (code == MS_OK && there == MS_OK)
        code = ms_marker_same(&marker, &wanted, &same, err);
    if (code < 0 || same)
        return code;
    struct ms_finding finding = {.what = there == MS_OK ? "stale marker" : "missing marker",
                                 .repair = "write it from the row",
                                 .repaired = check->repair};
    if (check->repair)
        code = ms_store_mark(check->store, row->number, err);
    (void)snprintf(name, sizeof name, "%lld.row", (long long)row->number);
    return code < 0 ? code : report_entry(check, finding, "layers", name, err);
}

/* A process of an earlier version that had the database open while it was brought to ours. */
static int stale_labels(struct check *check, const struct ms_row_brief *row, const char *ns,
                        const char *key, struct ms_err *err) {
    struct ms_meta *meta = &check->store->meta;
    struct ms_finding finding = {.what = "stale labels",
                                 .repair = "write them into the row from their table",
                                 .repaired = check->repair};
    int code = check->repair ? ms_meta_mend_labels(meta, row->number, err) : MS_OK;
    return code < 0 ? code : report_row(check, finding, ns, key, err);
}

/* The mark of damage outlives its reason when somebody put the directory back. */
static int healed(struct check *check, const struct ms_row_brief *row, const char *ns,
                  const char *key, struct ms_err *err) {
    struct ms_finding finding = {.what = "damaged mark",
                                 .repair = "take it off: the layer is there",
                                 .repaired = check->repair};
    int code =
        check->repair ? ms_meta_set_damaged(&check->store->meta, row->number, false, err) : MS_OK;
    return code < 0 ? code : report_row(check, finding, ns, key, err);
}

static int check_row(struct check *check, const struct ms_row_brief *row, struct ms_err *err) {
    const struct ms_store *store = check->store;
    ms_auto_free char *ns = NULL;
    ms_auto_free char *key = NULL;
    bool agree = true;
    int code = ms_meta_name(&check->store->meta, row->number, &ns, &key, err);
    if (code == MS_OK)
        code = ms_meta_labels_agree(&check->store->meta, row->number, &agree, err);
    if (code == MS_OK && !agree)
        code = stale_labels(check, row, ns, key, err);
    if (code < 0 || !store->driver->has_layer(row->kind, row->parent != 0))
        return code;
    if (!ms_layer_exists(&store->place, row->number))
        return lost_layer(check, row, ns, key, err);
    if (row->damaged)
        code = healed(check, row, ns, key, err);
    if (code == MS_OK && row->kind == MS_KIND_ACTIVE && store->driver->stacks &&
        !ms_work_exists(&store->place, row->number))
        code = missing_work(check, row, err);
    if (code == MS_OK && row->kind == MS_KIND_COMMITTED)
        code = check_marker(check, row, err);
    return code;
}

/* ---- directories that no row explains ------------------------------------------------------ */

/* An entry of layers/ or work/ with a number that no row has. */
static int orphan(struct check *check, int from, const char *part, const char *name, int64_t number,
                  struct ms_err *err) {
    const struct ms_place *place = &check->store->place;
    bool known = number <= check->sequence;
    struct ms_finding finding = {
        .what = known ? "orphan" : "unknown layer",
        .repair = known ? "free it: its snapshot was removed" : "move it to quarantine",
        .repaired = check->repair,
    };
    int code = MS_OK;
    if (check->repair && known)
        code = ms_layer_discard(place, from, name, err);
    if (check->repair && !known && unlinkat(from, name, AT_REMOVEDIR) < 0) {
        code = ms_layer_quarantine(place, from, name, err);
        if (code == MS_OK)
            code = ms_meta_raise_sequence(&check->store->meta, number, err);
    }
    return code < 0 ? code : report_entry(check, finding, part, name, err);
}

static int check_entry(struct check *check, const char *part, const char *name,
                       struct ms_err *err) {
    const struct ms_place *place = &check->store->place;
    bool layers = strcmp(part, "layers") == 0;
    int from = layers ? place->layers_fd : place->work_fd;
    const char *rest = NULL;
    int64_t number = 0;
    struct ms_finding stray = {.what = "stray entry", .repair = "none: it is not moonsnap's"};
    if (!ms_layer_number(name, &number, &rest))
        return report_entry(check, stray, part, name, err);
    int kind = ms_rows_kind(&check->rows, number);
    if (*rest == '\0')
        return kind == 0 ? orphan(check, from, part, name, number, err) : MS_OK;
    if (!layers || strncmp(rest, ".row", 4) != 0)
        return report_entry(check, stray, part, name, err);
    if (kind == MS_KIND_COMMITTED)
        return MS_OK;
    struct ms_finding finding = {
        .what = "stale marker", .repair = "remove it", .repaired = check->repair};
    if (check->repair)
        (void)unlinkat(from, name, 0);
    return report_entry(check, finding, part, name, err);
}

static int check_stage(struct check *check, const char *name, struct ms_err *err) {
    const struct ms_place *place = &check->store->place;
    struct ms_finding finding = {
        .what = "abandoned stage", .repair = "free it", .repaired = check->repair};
    ms_auto_close int lock = -1;
    int code = ms_stage_seize(place, name, &lock, err);
    if (code <= 0)
        return code;
    code = check->repair ? ms_layer_discard(place, place->new_fd, name, err) : MS_OK;
    return code < 0 ? code : report_entry(check, finding, "new", name, err);
}

static int check_directory(struct check *check, int fd, const char *part, struct ms_err *err) {
    ms_auto_closedir DIR *dir = ms_dir_read(fd);
    const struct dirent *entry = NULL;
    int code = MS_OK;
    if (dir == NULL)
        return ms_err_sys(err, errno, "read %s", part);
    while (code == MS_OK && (entry = ms_dir_next(dir)) != NULL)
        code = strcmp(part, "new") == 0 ? check_stage(check, entry->d_name, err)
                                        : check_entry(check, part, entry->d_name, err);
    return code;
}

static int check_inside(struct check *check, struct ms_err *err) {
    struct ms_store *store = check->store;
    int code = ms_store_make_pending(store, err);
    if (code == MS_OK)
        code = check_pragma(check, "PRAGMA integrity_check(20)", err);
    if (code == MS_OK)
        code = ms_meta_sequence(&store->meta, &check->sequence, err);
    if (code == MS_OK)
        code = ms_meta_rows(&store->meta, &check->rows, err);
    for (size_t i = check->rows.count; code == MS_OK && i > 0; i--)
        code = check_row(check, &check->rows.items[i - 1], err);
    if (code == MS_OK)
        code = check_directory(check, store->place.layers_fd, "layers", err);
    if (code == MS_OK)
        code = check_directory(check, store->place.work_fd, "work", err);
    if (code == MS_OK)
        code = check_directory(check, store->place.new_fd, "new", err);
    return code;
}

/* The write lock is held even for looking: a directory is made before its row is visible. */
int ms_store_check(struct ms_store *store, bool repair, struct ms_findings *out,
                   struct ms_err *err) {
    struct ms_findings findings = {0};
    struct check check = {.store = store, .repair = repair, .findings = &findings};
    int code = ms_store_enter(store, NULL, NULL, err);
    if (code == MS_OK && repair && ms_store_depth(store) > 0)
        code = ms_err_set(err, MS_FAILED_PRECONDITION,
                          "directories cannot be rolled back: repair outside the transaction");
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code == MS_OK) {
        code = check_inside(&check, err);
        code = ms_store_end(store, code, err);
    }
    ms_rows_clear(&check.rows);
    if (code < 0) {
        ms_findings_clear(&findings);
        return ms_err_wrap(err, "check");
    }
    *out = findings;
    return MS_OK;
}
