#include <stdlib.h>

#include "base/err.h"
#include "base/grow.h"
#include "base/own.h"
#include "base/text.h"
#include "engine/meta/labels.h"
#include "engine/meta/meta.h"
#include "engine/meta/schema.h"

void ms_row_clear(struct ms_row *row) {
    ms_chain_clear(&row->chain);
    *row = (struct ms_row){0};
}

static void bind_key(sqlite3_stmt *statement, const char *ns, const char *key) {
    sqlite3_bind_text(statement, 1, ns, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, key, -1, SQLITE_STATIC);
}

int ms_meta_find_labels(struct ms_meta *meta, const char *ns, const char *key, struct ms_row *out,
                        struct ms_labels *labels, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "SELECT id, kind, parent, damaged, chain, size, inodes, labels,"
                               " EXISTS (SELECT 1 FROM snapshots WHERE damaged != 0),"
                               " updated, used, use_count"
                               " FROM snapshots WHERE namespace = ?1 AND key = ?2",
                               &statement, err);
    if (code < 0)
        return code;
    bind_key(statement, ns, key);
    code = ms_meta_step(meta, statement, "find a snapshot", err);
    if (code < 0)
        return code;
    if (code == 0)
        return ms_err_set(err, MS_NOT_FOUND, "snapshot '%.100s' does not exist", key);
    ms_auto_row struct ms_row row = {
        .number = sqlite3_column_int64(statement, 0),
        .kind = sqlite3_column_int(statement, 1),
        .parent = sqlite3_column_int64(statement, 2),
        .damaged = sqlite3_column_int(statement, 3) != 0,
        .any_damaged = sqlite3_column_int(statement, 8) != 0,
        .updated_ns = sqlite3_column_int64(statement, 9),
        .used_ns = sqlite3_column_int64(statement, 10),
        .use_count = sqlite3_column_int64(statement, 11),
        .usage = {.size_bytes = sqlite3_column_int64(statement, 5),
                  .inodes = sqlite3_column_int64(statement, 6)},
    };
    code = ms_chain_decode(sqlite3_column_blob(statement, 4),
                           (size_t)sqlite3_column_bytes(statement, 4), &row.chain, err);
    if (code == MS_OK && labels != NULL)
        code = ms_labels_decode(sqlite3_column_blob(statement, 7),
                                (size_t)sqlite3_column_bytes(statement, 7), labels, err);
    if (code < 0)
        return code;
    *out = row;
    row = (struct ms_row){0};
    return MS_OK;
}

int ms_meta_find(struct ms_meta *meta, const char *ns, const char *key, struct ms_row *out,
                 struct ms_err *err) {
    return ms_meta_find_labels(meta, ns, key, out, NULL, err);
}

int ms_meta_name(struct ms_meta *meta, int64_t number, char **ns, char **key, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, "SELECT namespace, key FROM snapshots WHERE id = ?1",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, number);
    code = ms_meta_step(meta, statement, "find a snapshot", err);
    if (code < 0)
        return code;
    if (code == 0)
        return ms_err_set(err, MS_NOT_FOUND, "no snapshot has the number %lld", (long long)number);
    ms_auto_free char *found_ns = ms_meta_column(statement, 0);
    ms_auto_free char *found_key = ms_meta_column(statement, 1);
    if (found_ns == NULL || found_key == NULL)
        return ms_err_memory(err);
    *ns = ms_take_ptr(&found_ns);
    *key = ms_take_ptr(&found_key);
    return MS_OK;
}

int ms_meta_exists(struct ms_meta *meta, const char *ns, const char *key, bool *out,
                   struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, "SELECT 1 FROM snapshots WHERE namespace = ?1 AND key = ?2",
                               &statement, err);
    if (code < 0)
        return code;
    bind_key(statement, ns, key);
    code = ms_meta_step(meta, statement, "find a snapshot", err);
    if (code < 0)
        return code;
    *out = code == 1;
    return MS_OK;
}

static void bind_parent(sqlite3_stmt *statement, int column, int64_t parent) {
    if (parent != 0)
        sqlite3_bind_int64(statement, column, parent);
    else
        sqlite3_bind_null(statement, column);
}

/* What a row stores of *row as bytes. */
struct stored {
    unsigned char *chain;
    size_t chain_size;
    struct ms_text labels;
};

static void stored_clear(struct stored *stored) {
    free(stored->chain);
    ms_text_clear(&stored->labels);
}
#define auto_stored __attribute__((cleanup(stored_clear)))

static int store_row(const struct ms_new_row *row, struct stored *out, struct ms_err *err) {
    int code = ms_chain_encode(row->chain, &out->chain, &out->chain_size, err);
    return code < 0 ? code : ms_labels_encode(row->labels, &out->labels, err);
}

/* Binds what insert and commit have in common: key ?2, parent ?3, chain ?4, created ?5, size ?6,
 * inodes ?7, labels ?8, leased ?11. */
static void bind_row(sqlite3_stmt *statement, const struct ms_new_row *row,
                     const struct stored *stored) {
    sqlite3_bind_text(statement, 2, row->key, -1, SQLITE_STATIC);
    bind_parent(statement, 3, row->parent);
    sqlite3_bind_blob64(statement, 4, stored->chain, stored->chain_size, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 5, row->created_ns);
    sqlite3_bind_int64(statement, 6, row->usage.size_bytes);
    sqlite3_bind_int64(statement, 7, row->usage.inodes);
    sqlite3_bind_blob64(statement, 8, stored->labels.size != 0 ? stored->labels.bytes : "",
                        stored->labels.size, SQLITE_STATIC);
    sqlite3_bind_int(statement, 11, row->leased);
}

int ms_meta_insert(struct ms_meta *meta, const struct ms_new_row *row, int64_t *number,
                   struct ms_err *err) {
    auto_stored struct stored stored = {0};
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = store_row(row, &stored, err);
    if (code == MS_OK)
        code = ms_meta_prepare(meta,
                               "INSERT INTO snapshots (id, namespace, key, kind, parent, chain,"
                               " created, updated, used, size, inodes, labels, leased)"
                               " VALUES (?9, ?1, ?2, ?10, ?3, ?4, ?5, ?5, ?5, ?6, ?7, ?8, ?11)",
                               &statement, err);
    if (code < 0)
        return code;
    bind_row(statement, row, &stored);
    sqlite3_bind_text(statement, 1, row->ns, -1, SQLITE_STATIC);
    if (row->number != 0)
        sqlite3_bind_int64(statement, 9, row->number);
    sqlite3_bind_int(statement, 10, row->kind);
    code = sqlite3_step(statement);
    if (code == SQLITE_CONSTRAINT_UNIQUE)
        return ms_err_set(err, MS_ALREADY_EXISTS, "snapshot '%.100s' already exists", row->key);
    if (code != SQLITE_DONE)
        return ms_schema_fail(meta->db, "write a snapshot", err);
    *number = sqlite3_last_insert_rowid(meta->db);
    return ms_meta_add_labels(meta, *number, row->labels, err);
}

int ms_meta_commit(struct ms_meta *meta, int64_t number, const struct ms_new_row *as,
                   struct ms_err *err) {
    auto_stored struct stored stored = {0};
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = store_row(as, &stored, err);
    if (code == MS_OK)
        code = ms_meta_prepare(meta,
                               "UPDATE snapshots SET key = ?2, kind = 3, parent = ?3, chain = ?4,"
                               " created = ?5, updated = ?5, used = ?5, size = ?6, inodes = ?7,"
                               " labels = ?8, leased = ?11 WHERE id = ?1",
                               &statement, err);
    if (code < 0)
        return code;
    bind_row(statement, as, &stored);
    sqlite3_bind_int64(statement, 1, number);
    code = ms_meta_step(meta, statement, "write a committed snapshot", err);
    if (code == MS_OK)
        code = ms_meta_drop_labels(meta, number, err);
    return code < 0 ? code : ms_meta_add_labels(meta, number, as->labels, err);
}

/* Runs a statement whose ?1 is a number and whose ?2, when it has one, is value. */
static int change(struct ms_meta *meta, const char *sql, int64_t number, int64_t value,
                  struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, sql, &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, number);
    if (sqlite3_bind_parameter_count(statement) > 1)
        sqlite3_bind_int64(statement, 2, value);
    return ms_meta_step(meta, statement, "write a snapshot", err);
}

int ms_meta_delete(struct ms_meta *meta, int64_t number, struct ms_err *err) {
    return change(meta, "DELETE FROM snapshots WHERE id = ?1", number, 0, err);
}

int ms_meta_touch(struct ms_meta *meta, int64_t number, int64_t now_ns, struct ms_err *err) {
    return change(meta, "UPDATE snapshots SET used = ?2, use_count = use_count + 1 WHERE id = ?1",
                  number, now_ns, err);
}

int ms_meta_set_updated(struct ms_meta *meta, int64_t number, int64_t now_ns, struct ms_err *err) {
    return change(meta, "UPDATE snapshots SET updated = ?2 WHERE id = ?1", number, now_ns, err);
}

int ms_meta_set_damaged(struct ms_meta *meta, int64_t number, bool damaged, struct ms_err *err) {
    return change(meta, "UPDATE snapshots SET damaged = ?2 WHERE id = ?1", number, damaged, err);
}

int ms_meta_has_children(struct ms_meta *meta, int64_t number, bool *out, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code =
        ms_meta_prepare(meta, "SELECT 1 FROM snapshots WHERE parent = ?1 LIMIT 1", &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, number);
    code = ms_meta_step(meta, statement, "look for children", err);
    if (code < 0)
        return code;
    *out = code == 1;
    return MS_OK;
}

int ms_meta_damaged(struct ms_meta *meta, int64_t number, const struct ms_chain *chain,
                    int64_t *out, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code =
        ms_meta_prepare(meta, "SELECT id FROM snapshots WHERE damaged != 0", &statement, err);
    if (code < 0)
        return code;
    *out = 0;
    while ((code = ms_meta_step(meta, statement, "look for damage", err)) == 1) {
        int64_t damaged = sqlite3_column_int64(statement, 0);
        if (damaged == number)
            *out = damaged;
        for (size_t i = 0; i < chain->count; i++)
            if (chain->numbers[i] == damaged)
                *out = damaged;
    }
    return code;
}

void ms_rows_clear(struct ms_rows *rows) {
    free(rows->items);
    *rows = (struct ms_rows){0};
}

int ms_meta_rows(struct ms_meta *meta, struct ms_rows *out, struct ms_err *err) {
    ms_auto_rows struct ms_rows rows = {0};
    ms_auto_reset sqlite3_stmt *statement = NULL;
    size_t room = 0;
    int code = ms_meta_prepare(meta, "SELECT id, parent, kind, damaged FROM snapshots ORDER BY id",
                               &statement, err);
    while (code >= 0 && (code = ms_meta_step(meta, statement, "read the snapshots", err)) == 1) {
        struct ms_row_brief *items = ms_grow(rows.items, rows.count, &room, sizeof *items);
        if (items == NULL)
            return ms_err_memory(err);
        rows.items = items;
        rows.items[rows.count++] = (struct ms_row_brief){
            .number = sqlite3_column_int64(statement, 0),
            .parent = sqlite3_column_int64(statement, 1),
            .kind = sqlite3_column_int(statement, 2),
            .damaged = sqlite3_column_int(statement, 3) != 0,
        };
    }
    if (code < 0)
        return code;
    *out = rows;
    rows = (struct ms_rows){0};
    return MS_OK;
}

static int by_number(const void *left, const void *right) {
    int64_t a = ((const struct ms_row_brief *)left)->number;
    int64_t b = ((const struct ms_row_brief *)right)->number;
    return (a > b) - (a < b);
}

int ms_rows_kind(const struct ms_rows *rows, int64_t number) {
    struct ms_row_brief wanted = {.number = number};
    if (rows->count == 0)
        return 0;
    const struct ms_row_brief *row =
        bsearch(&wanted, rows->items, rows->count, sizeof wanted, by_number);
    return row != NULL ? row->kind : 0;
}

int ms_meta_namespaces(struct ms_meta *meta, struct ms_names *out, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    ms_auto_names struct ms_names names = {0};
    int code = ms_meta_prepare(meta, "SELECT DISTINCT namespace FROM snapshots ORDER BY namespace",
                               &statement, err);
    while (code >= 0 && (code = ms_meta_step(meta, statement, "read the namespaces", err)) == 1) {
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        code = name != NULL ? ms_names_add(&names, name, err) : ms_err_memory(err);
    }
    if (code < 0)
        return code;
    *out = names;
    names = (struct ms_names){0};
    return MS_OK;
}
