#include <string.h>

#include "base/err.h"
#include "engine/clock.h"
#include "engine/meta/meta_lease.h"
#include "engine/store/store_inside.h"
#include "engine/store/store_lease.h"

static int enter(struct ms_store *store, const char *name, struct ms_err *err) {
    int code = ms_store_enter(store, NULL, NULL, err);
    return code < 0 ? code : ms_key_check("namespace", name, strlen(name), err);
}

int ms_store_namespace_records(struct ms_store *store, struct ms_records *out, struct ms_err *err) {
    ms_auto_records struct ms_records records = {0};
    int code = ms_store_enter(store, NULL, NULL, err);
    if (code == MS_OK)
        code = ms_meta_namespace_records(&store->meta, NULL, &records, err);
    if (code < 0)
        return code;
    *out = records;
    records = (struct ms_records){0};
    return MS_OK;
}

int ms_store_namespace_get(struct ms_store *store, const char *name, struct ms_record *out,
                           struct ms_err *err) {
    ms_auto_records struct ms_records found = {0};
    int code = enter(store, name, err);
    if (code == MS_OK)
        code = ms_meta_namespace_records(&store->meta, name, &found, err);
    if (code == MS_OK)
        ms_records_take(&found, out);
    return code;
}

/* Writes and reads back. */
static int write_inside(struct ms_store *store, const struct ms_record *record,
                        struct ms_record *out, struct ms_err *err) {
    ms_auto_records struct ms_records found = {0};
    int code = ms_meta_set_namespace(&store->meta, record, err);
    if (code == MS_OK)
        code = ms_meta_namespace_records(&store->meta, record->id, &found, err);
    if (code == MS_OK)
        ms_records_take(&found, out);
    return code;
}

static int create_inside(struct ms_store *store, const char *name, const struct ms_labels *labels,
                         struct ms_record *out, struct ms_err *err) {
    ms_auto_records struct ms_records found = {0};
    struct ms_err none;
    struct ms_record record = {.id = (char *)name, .created_ns = ms_clock_now_ns()}; /* borrowed */
    if (labels != NULL)
        record.labels = *labels;
    int code = ms_meta_namespace_records(&store->meta, name, &found, &none);
    if (code == MS_OK)
        return ms_err_set(err, MS_ALREADY_EXISTS, "namespace '%.100s' already exists", name);
    if (code != MS_NOT_FOUND) {
        *err = none;
        return code;
    }
    return write_inside(store, &record, out, err);
}

int ms_store_namespace_create(struct ms_store *store, const char *name,
                              const struct ms_labels *labels, struct ms_record *out,
                              struct ms_err *err) {
    ms_auto_record struct ms_record made = {0};
    int code = enter(store, name, err);
    if (code == MS_OK)
        code = ms_store_check_labels(labels, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code < 0)
        return code;
    code = create_inside(store, name, labels, &made, err);
    code = ms_store_end(store, code, err);
    if (code < 0)
        return code;
    *out = made;
    made = (struct ms_record){0};
    return MS_OK;
}

static int update_inside(struct ms_store *store, const char *name, const struct ms_labels *labels,
                         const struct ms_fieldmask *mask, struct ms_record *out,
                         struct ms_err *err) {
    ms_auto_records struct ms_records found = {0};
    struct ms_err none;
    struct ms_record record = {.id = (char *)name, .created_ns = ms_clock_now_ns()}; /* borrowed */
    ms_auto_labels struct ms_labels changed = {0};
    int code = ms_meta_namespace_records(&store->meta, name, &found, &none);
    if (code < 0 && code != MS_NOT_FOUND) {
        *err = none;
        return code;
    }
    if (found.count != 0) {
        changed = found.items[0].labels;
        found.items[0].labels = (struct ms_labels){0};
    }
    code = ms_store_apply_mask(&changed, labels, mask, err);
    if (code == MS_OK)
        code = ms_store_check_labels(&changed, err);
    record.labels = changed;
    return code < 0 ? code : write_inside(store, &record, out, err);
}

int ms_store_namespace_update(struct ms_store *store, const char *name,
                              const struct ms_labels *labels, const struct ms_fieldmask *mask,
                              struct ms_record *out, struct ms_err *err) {
    ms_auto_record struct ms_record updated = {0};
    int code = enter(store, name, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code < 0)
        return code;
    code = update_inside(store, name, labels, mask, &updated, err);
    code = ms_store_end(store, code, err);
    if (code < 0)
        return code;
    *out = updated;
    updated = (struct ms_record){0};
    return MS_OK;
}

static int delete_inside(struct ms_store *store, const char *name, struct ms_err *err) {
    ms_auto_records struct ms_records found = {0};
    bool used = false;
    int code = ms_meta_namespace_records(&store->meta, name, &found, err);
    if (code == MS_OK)
        code = ms_meta_has_snapshots(&store->meta, name, &used, err);
    if (code == MS_OK && used)
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "namespace '%.100s' must be empty, but it still has snapshots", name);
    return code < 0 ? code : ms_meta_drop_namespace(&store->meta, name, err);
}

int ms_store_namespace_delete(struct ms_store *store, const char *name, struct ms_err *err) {
    int code = enter(store, name, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code < 0)
        return code;
    code = delete_inside(store, name, err);
    return ms_store_end(store, code, err);
}
