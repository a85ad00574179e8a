#include "base/err.h"
#include "base/text.h"
#include "engine/meta/labels.h"
#include "engine/meta/meta_lease.h"

/* Names by hops over the indexes, not by reading all rows. */
#define NAMES                                                                                      \
    "WITH RECURSIVE"                                                                               \
    " s (n) AS (SELECT min(namespace) FROM snapshots UNION ALL"                                    \
    "  SELECT (SELECT min(namespace) FROM snapshots WHERE namespace > n) FROM s"                   \
    "  WHERE n IS NOT NULL),"                                                                      \
    " l (n) AS (SELECT min(namespace) FROM leases UNION ALL"                                       \
    "  SELECT (SELECT min(namespace) FROM leases WHERE namespace > n) FROM l"                      \
    "  WHERE n IS NOT NULL),"                                                                      \
    " used (name) AS (SELECT n FROM s WHERE n IS NOT NULL UNION"                                   \
    "  SELECT n FROM l WHERE n IS NOT NULL) "

#define ALL                                                                                        \
    NAMES "SELECT name, created, labels FROM namespaces UNION ALL"                                 \
          " SELECT name, 0, x'' FROM used WHERE name NOT IN (SELECT name FROM namespaces)"         \
          " ORDER BY 1"

#define ONE                                                                                        \
    "SELECT name, created, labels FROM namespaces WHERE name = ?1 UNION ALL"                       \
    " SELECT ?1, 0, x'' WHERE NOT EXISTS (SELECT 1 FROM namespaces WHERE name = ?1)"               \
    " AND (EXISTS (SELECT 1 FROM snapshots WHERE namespace = ?1)"                                  \
    "  OR EXISTS (SELECT 1 FROM leases WHERE namespace = ?1))"

int ms_meta_namespace_records(struct ms_meta *meta, const char *name, struct ms_records *out,
                              struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, name != NULL ? ONE : ALL, &statement, err);
    if (code < 0)
        return code;
    if (name != NULL)
        sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    code = ms_meta_read_records(meta, statement, out, err);
    if (code == MS_OK && name != NULL && out->count == 0)
        return ms_err_set(err, MS_NOT_FOUND, "namespace '%.100s' does not exist", name);
    return code;
}

int ms_meta_set_namespace(struct ms_meta *meta, const struct ms_record *record,
                          struct ms_err *err) {
    ms_auto_text struct ms_text labels = {0};
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_labels_encode(&record->labels, &labels, err);
    if (code == MS_OK)
        code = ms_meta_prepare(meta,
                               "INSERT INTO namespaces (name, created, labels) VALUES (?1, ?2, ?3)"
                               " ON CONFLICT (name) DO UPDATE SET labels = ?3",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(statement, 1, record->id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, record->created_ns);
    sqlite3_bind_blob64(statement, 3, labels.size != 0 ? labels.bytes : "", labels.size,
                        SQLITE_STATIC);
    return ms_meta_step(meta, statement, "write a namespace", err);
}

static int drop(struct ms_meta *meta, const char *sql, const char *name, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, sql, &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    return ms_meta_step(meta, statement, "delete a namespace", err);
}

int ms_meta_drop_namespace(struct ms_meta *meta, const char *name, struct ms_err *err) {
    int code = drop(meta, "DELETE FROM namespaces WHERE name = ?1", name, err);
    return code < 0 ? code : drop(meta, "DELETE FROM leases WHERE namespace = ?1", name, err);
}

int ms_meta_has_snapshots(struct ms_meta *meta, const char *ns, bool *out, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, "SELECT 1 FROM snapshots WHERE namespace = ?1 LIMIT 1",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(statement, 1, ns, -1, SQLITE_STATIC);
    code = ms_meta_step(meta, statement, "look for snapshots", err);
    if (code < 0)
        return code;
    *out = code == 1;
    return MS_OK;
}
