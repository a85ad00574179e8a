#include "engine/meta/meta.h"

#include <string.h>

#include "base/err.h"
#include "engine/meta/schema.h"

int ms_meta_open(struct ms_meta *meta, const char *path, bool create, struct ms_err *err) {
    *meta = (struct ms_meta){0};
    return ms_schema_open(path, create, &meta->db, err);
}

void ms_meta_close(struct ms_meta *meta) {
    for (size_t i = 0; i < MS_META_STATEMENTS; i++)
        (void)sqlite3_finalize(meta->statements[i]);
    (void)sqlite3_close(meta->db);
    ms_recall_clear(&meta->recall);
    *meta = (struct ms_meta){0};
}

int ms_meta_exec(struct ms_meta *meta, const char *sql, const char *doing, struct ms_err *err) {
    if (sqlite3_exec(meta->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return ms_schema_fail(meta->db, doing, err);
    return MS_OK;
}

int ms_meta_prepare(struct ms_meta *meta, const char *sql, sqlite3_stmt **out, struct ms_err *err) {
    size_t free_slot = 0;
    for (; free_slot < MS_META_STATEMENTS && meta->statements[free_slot] != NULL; free_slot++) {
        if (meta->texts[free_slot] == sql) {
            *out = meta->statements[free_slot];
            return MS_OK;
        }
    }
    if (free_slot == MS_META_STATEMENTS)
        return ms_err_set(err, MS_INTERNAL, "more statements than the cache has room for");
    sqlite3_stmt **slot = &meta->statements[free_slot];
    if (sqlite3_prepare_v3(meta->db, sql, -1, SQLITE_PREPARE_PERSISTENT, slot, NULL) != SQLITE_OK)
        return ms_schema_fail(meta->db, "prepare a statement", err);
    meta->texts[free_slot] = sql;
    *out = *slot;
    return MS_OK;
}

int ms_meta_step(struct ms_meta *meta, sqlite3_stmt *statement, const char *doing,
                 struct ms_err *err) {
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return 1;
    if (code == SQLITE_DONE)
        return 0;
    return ms_schema_fail(meta->db, doing, err);
}

int ms_meta_run(struct ms_meta *meta, const char *sql, const char *doing, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, sql, &statement, err);
    return code < 0 ? code : ms_meta_step(meta, statement, doing, err);
}

char *ms_meta_column(sqlite3_stmt *statement, int column) {
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return strdup(text != NULL ? text : "");
}

int ms_meta_setting(struct ms_meta *meta, const char *name, char **out, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, "SELECT value FROM settings WHERE name = ?1", &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    code = ms_meta_step(meta, statement, "read a setting", err);
    if (code < 0)
        return code;
    *out = NULL;
    if (code == 0)
        return MS_OK;
    *out = ms_meta_column(statement, 0);
    if (*out == NULL)
        return ms_err_memory(err);
    return MS_OK;
}

int ms_meta_set(struct ms_meta *meta, const char *name, const char *value, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "INSERT INTO settings (name, value) VALUES (?1, ?2)"
                               " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, value, -1, SQLITE_STATIC);
    return ms_meta_step(meta, statement, "write a setting", err);
}

int ms_meta_sequence(struct ms_meta *meta, int64_t *out, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(
        meta, "SELECT max(seq) FROM sqlite_sequence WHERE name = 'snapshots'", &statement, err);
    if (code < 0)
        return code;
    code = ms_meta_step(meta, statement, "read the sequence", err);
    if (code < 0)
        return code;
    *out = sqlite3_column_int64(statement, 0);
    return MS_OK;
}

int ms_meta_raise_sequence(struct ms_meta *meta, int64_t number, struct ms_err *err) {
    int64_t now = 0;
    int code = ms_meta_sequence(meta, &now, err);
    if (code < 0 || now >= number)
        return code;
    ms_auto_reset sqlite3_stmt *statement = NULL;
    const char *sql = now == 0 ? "INSERT INTO sqlite_sequence (name, seq) VALUES ('snapshots', ?1)"
                               : "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'snapshots'";
    code = ms_meta_prepare(meta, sql, &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, number);
    return ms_meta_step(meta, statement, "raise the sequence", err);
}
