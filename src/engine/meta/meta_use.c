#include <stdlib.h>

#include "base/err.h"
#include "engine/meta/meta.h"

void ms_mount_row_clear(struct ms_mount_row *row) {
    free(row->target);
    free(row->boot_id);
    *row = (struct ms_mount_row){0};
}

void ms_owner_row_clear(struct ms_owner_row *row) {
    free(row->boot_id);
    *row = (struct ms_owner_row){0};
}

int ms_meta_add_mount(struct ms_meta *meta, const struct ms_mount_row *row, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "INSERT INTO mounts (snapshot, target, mount_id, mount_namespace,"
                               " boot_id, pid, readonly) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, row->number);
    sqlite3_bind_text(statement, 2, row->target, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, (int64_t)row->mount_id);
    sqlite3_bind_int64(statement, 4, (int64_t)row->mount_namespace);
    sqlite3_bind_text(statement, 5, row->boot_id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 6, row->pid);
    sqlite3_bind_int(statement, 7, row->readonly);
    return ms_meta_step(meta, statement, "record a mount", err);
}

int ms_meta_drop_mount(struct ms_meta *meta, int64_t rowid, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, "DELETE FROM mounts WHERE rowid = ?1", &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, rowid);
    return ms_meta_step(meta, statement, "forget a mount", err);
}

#define MOUNTS_AFTER                                                                               \
    "SELECT rowid, snapshot, target, mount_id, mount_namespace, boot_id, pid, readonly"            \
    " FROM mounts WHERE rowid > ?1"

int ms_meta_next_mount(struct ms_meta *meta, int64_t number, int64_t rowid,
                       struct ms_mount_row *out, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    const char *sql = number != 0 ? MOUNTS_AFTER " AND snapshot = ?2 ORDER BY rowid LIMIT 1"
                                  : MOUNTS_AFTER " ORDER BY rowid LIMIT 1";
    int code = ms_meta_prepare(meta, sql, &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, rowid);
    if (number != 0)
        sqlite3_bind_int64(statement, 2, number);
    code = ms_meta_step(meta, statement, "read the mounts", err);
    if (code <= 0)
        return code;
    struct ms_mount_row row = {
        .rowid = sqlite3_column_int64(statement, 0),
        .number = sqlite3_column_int64(statement, 1),
        .target = ms_meta_column(statement, 2),
        .mount_id = (uint64_t)sqlite3_column_int64(statement, 3),
        .mount_namespace = (uint64_t)sqlite3_column_int64(statement, 4),
        .boot_id = ms_meta_column(statement, 5),
        .pid = sqlite3_column_int64(statement, 6),
        .readonly = sqlite3_column_int(statement, 7) != 0,
    };
    if (row.target == NULL || row.boot_id == NULL) {
        ms_mount_row_clear(&row);
        return ms_err_memory(err);
    }
    *out = row;
    return 1;
}

int ms_meta_set_owner(struct ms_meta *meta, const struct ms_owner_row *row, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "INSERT OR REPLACE INTO owners (snapshot, pid, started,"
                               " pid_namespace, boot_id) VALUES (?1, ?2, ?3, ?4, ?5)",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, row->number);
    sqlite3_bind_int64(statement, 2, row->pid);
    sqlite3_bind_int64(statement, 3, (int64_t)row->started);
    sqlite3_bind_int64(statement, 4, (int64_t)row->pid_namespace);
    sqlite3_bind_text(statement, 5, row->boot_id, -1, SQLITE_STATIC);
    return ms_meta_step(meta, statement, "record an owner", err);
}

int ms_meta_drop_owner(struct ms_meta *meta, int64_t number, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, "DELETE FROM owners WHERE snapshot = ?1", &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, number);
    return ms_meta_step(meta, statement, "forget an owner", err);
}

int ms_meta_next_owner(struct ms_meta *meta, int64_t after, struct ms_owner_row *out,
                       struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "SELECT snapshot, pid, started, pid_namespace, boot_id FROM owners"
                               " WHERE snapshot > ?1 ORDER BY snapshot LIMIT 1",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, after);
    code = ms_meta_step(meta, statement, "read the owners", err);
    if (code <= 0)
        return code;
    struct ms_owner_row row = {
        .number = sqlite3_column_int64(statement, 0),
        .pid = sqlite3_column_int64(statement, 1),
        .started = (uint64_t)sqlite3_column_int64(statement, 2),
        .pid_namespace = (uint64_t)sqlite3_column_int64(statement, 3),
        .boot_id = ms_meta_column(statement, 4),
    };
    if (row.boot_id == NULL)
        return ms_err_memory(err);
    *out = row;
    return 1;
}
