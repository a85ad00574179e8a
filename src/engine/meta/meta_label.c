#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/meta/labels.h"
#include "engine/meta/meta.h"

/* Runs a statement whose ?1 is a number and whose ?2, when bytes is not NULL, are bytes. */
static int run_on(struct ms_meta *meta, const char *sql, int64_t number,
                  const struct ms_text *bytes, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, sql, &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, number);
    if (bytes != NULL)
        sqlite3_bind_blob64(statement, 2, bytes->size != 0 ? bytes->bytes : "", bytes->size,
                            SQLITE_STATIC);
    return ms_meta_step(meta, statement, "write labels", err);
}

static int set_row(struct ms_meta *meta, int64_t number, const struct ms_text *bytes,
                   struct ms_err *err) {
    return run_on(meta, "UPDATE snapshots SET labels = ?2 WHERE id = ?1", number, bytes, err);
}

int ms_meta_add_labels(struct ms_meta *meta, int64_t number, const struct ms_labels *labels,
                       struct ms_err *err) {
    for (size_t i = 0; labels != NULL && i < labels->count; i++) {
        if (labels->items[i].value[0] == '\0')
            continue;
        ms_auto_reset sqlite3_stmt *statement = NULL;
        int code =
            ms_meta_prepare(meta, "INSERT INTO labels (snapshot, name, value) VALUES (?1, ?2, ?3)",
                            &statement, err);
        if (code < 0)
            return code;
        sqlite3_bind_int64(statement, 1, number);
        sqlite3_bind_text(statement, 2, labels->items[i].name, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 3, labels->items[i].value, -1, SQLITE_STATIC);
        code = ms_meta_step(meta, statement, "write a label", err);
        if (code < 0)
            return code;
    }
    return MS_OK;
}

int ms_meta_drop_labels(struct ms_meta *meta, int64_t number, struct ms_err *err) {
    return run_on(meta, "DELETE FROM labels WHERE snapshot = ?1", number, NULL, err);
}

int ms_meta_set_labels(struct ms_meta *meta, int64_t number, const struct ms_labels *labels,
                       struct ms_err *err) {
    ms_auto_text struct ms_text bytes = {0};
    int code = ms_labels_encode(labels, &bytes, err);
    if (code == MS_OK)
        code = set_row(meta, number, &bytes, err);
    if (code == MS_OK)
        code = ms_meta_drop_labels(meta, number, err);
    return code < 0 ? code : ms_meta_add_labels(meta, number, labels, err);
}

int ms_meta_labels(struct ms_meta *meta, int64_t number, struct ms_labels *out,
                   struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, "SELECT labels FROM snapshots WHERE id = ?1", &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, number);
    code = ms_meta_step(meta, statement, "read labels", err);
    if (code <= 0)
        return code;
    return ms_labels_decode(sqlite3_column_blob(statement, 0),
                            (size_t)sqlite3_column_bytes(statement, 0), out, err);
}

/* ---- row and table compared ------------------------------------------------------------------*/

/* The labels of a row, encoded from the table. */
static int encode_table(struct ms_meta *meta, int64_t number, struct ms_text *out,
                        struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(
        meta, "SELECT name, value FROM labels WHERE snapshot = ?1 ORDER BY name", &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, number);
    while ((code = ms_meta_step(meta, statement, "read labels", err)) == 1)
        ms_labels_encode_one((const char *)sqlite3_column_text(statement, 0),
                             (size_t)sqlite3_column_bytes(statement, 0),
                             (const char *)sqlite3_column_text(statement, 1),
                             (size_t)sqlite3_column_bytes(statement, 1), out);
    return code < 0 ? code : ms_text_check(out, err);
}

int ms_meta_labels_agree(struct ms_meta *meta, int64_t number, bool *out, struct ms_err *err) {
    ms_auto_text struct ms_text bytes = {0};
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = encode_table(meta, number, &bytes, err);
    if (code == MS_OK)
        code = ms_meta_prepare(meta, "SELECT labels FROM snapshots WHERE id = ?1", &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, number);
    code = ms_meta_step(meta, statement, "read labels", err);
    if (code < 0)
        return code;
    const void *row = sqlite3_column_blob(statement, 0);
    size_t size = (size_t)sqlite3_column_bytes(statement, 0);
    *out = size == bytes.size && (size == 0 || memcmp(row, bytes.bytes, size) == 0);
    return MS_OK;
}

int ms_meta_mend_labels(struct ms_meta *meta, int64_t number, struct ms_err *err) {
    ms_auto_text struct ms_text bytes = {0};
    int code = encode_table(meta, number, &bytes, err);
    return code < 0 ? code : set_row(meta, number, &bytes, err);
}
