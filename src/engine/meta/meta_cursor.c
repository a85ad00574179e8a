/* Where readers of the outbox are: see meta_event.h. */
#include <stdlib.h>

#include "base/err.h"
#include "engine/meta/meta.h"
#include "engine/meta/meta_event.h"

void ms_cursor_clear(struct ms_cursor *cursor) {
    free(cursor->error);
    *cursor = (struct ms_cursor){0};
}

int ms_meta_cursor(struct ms_meta *meta, const char *name, struct ms_cursor *out,
                   struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "SELECT sequence, updated, attempts, due, given_up, error"
                               " FROM cursors WHERE name = ?1",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    code = ms_meta_step(meta, statement, "read a cursor", err);
    if (code <= 0)
        return code;
    struct ms_cursor cursor = {
        .sequence = sqlite3_column_int64(statement, 0),
        .updated_ns = sqlite3_column_int64(statement, 1),
        .attempts = sqlite3_column_int64(statement, 2),
        .due_ns = sqlite3_column_int64(statement, 3),
        .given_up = sqlite3_column_int64(statement, 4),
        .error = ms_meta_column(statement, 5),
    };
    if (cursor.error == NULL)
        return ms_err_memory(err);
    *out = cursor;
    return 1;
}

int ms_meta_set_cursor(struct ms_meta *meta, const char *name, const struct ms_cursor *cursor,
                       struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "INSERT OR REPLACE INTO cursors (name, sequence, updated, attempts,"
                               " due, given_up, error) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, cursor->sequence);
    sqlite3_bind_int64(statement, 3, cursor->updated_ns);
    sqlite3_bind_int64(statement, 4, cursor->attempts);
    sqlite3_bind_int64(statement, 5, cursor->due_ns);
    sqlite3_bind_int64(statement, 6, cursor->given_up);
    ms_meta_bind(statement, 7, cursor->error);
    return ms_meta_step(meta, statement, "write a cursor", err);
}

int ms_meta_drop_cursor(struct ms_meta *meta, const char *name, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, "DELETE FROM cursors WHERE name = ?1", &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    return ms_meta_step(meta, statement, "drop a cursor", err);
}

int ms_meta_cursor_names(struct ms_meta *meta, struct ms_names *out, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, "SELECT name FROM cursors ORDER BY name", &statement, err);
    while (code >= 0 && (code = ms_meta_step(meta, statement, "list the cursors", err)) == 1)
        code = ms_names_add(out, (const char *)sqlite3_column_text(statement, 0), err);
    return code;
}
