#include "engine/meta/meta_lease.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/grow.h"
#include "base/own.h"
#include "base/text.h"
#include "engine/meta/labels.h"
#include "engine/meta/schema.h"

static void bind_thing(sqlite3_stmt *statement, const struct ms_thing *thing) {
    ms_meta_bind(statement, 1, thing->ns);
    ms_meta_bind(statement, 2, thing->type);
    ms_meta_bind(statement, 3, thing->id);
}

/* ---- leases ----------------------------------------------------------------------------------*/

int ms_meta_add_lease(struct ms_meta *meta, const char *ns, const struct ms_record *lease,
                      struct ms_err *err) {
    ms_auto_text struct ms_text labels = {0};
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_labels_encode(&lease->labels, &labels, err);
    if (code == MS_OK)
        code = ms_meta_prepare(meta,
                               "INSERT INTO leases (namespace, id, created, labels, ttl, pid,"
                               " started, pid_namespace, boot_id)"
                               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                               &statement, err);
    if (code < 0)
        return code;
    ms_meta_bind(statement, 1, ns);
    ms_meta_bind(statement, 2, lease->id);
    sqlite3_bind_int64(statement, 3, lease->created_ns);
    sqlite3_bind_blob64(statement, 4, labels.size != 0 ? labels.bytes : "", labels.size,
                        SQLITE_STATIC);
    sqlite3_bind_int64(statement, 5, lease->ttl_s);
    sqlite3_bind_int64(statement, 6, lease->process.pid);
    sqlite3_bind_int64(statement, 7, (int64_t)lease->process.started);
    sqlite3_bind_int64(statement, 8, (int64_t)lease->process.pid_namespace);
    ms_meta_bind(statement, 9, lease->boot_id);
    code = sqlite3_step(statement);
    if (code == SQLITE_CONSTRAINT_PRIMARYKEY)
        return ms_err_set(err, MS_ALREADY_EXISTS, "lease '%.100s' already exists", lease->id);
    return code == SQLITE_DONE ? MS_OK : ms_schema_fail(meta->db, "write a lease", err);
}

static int no_lease(const char *id, struct ms_err *err) {
    return ms_err_set(err, MS_NOT_FOUND, "lease '%.100s' does not exist", id);
}

int ms_meta_renew_lease(struct ms_meta *meta, const char *ns, const struct ms_record *lease,
                        struct ms_err *err) {
    ms_auto_text struct ms_text labels = {0};
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_labels_encode(&lease->labels, &labels, err);
    if (code == MS_OK)
        code = ms_meta_prepare(meta,
                               "UPDATE leases SET labels = ?3, ttl = ?4"
                               " WHERE namespace = ?1 AND id = ?2",
                               &statement, err);
    if (code < 0)
        return code;
    ms_meta_bind(statement, 1, ns);
    ms_meta_bind(statement, 2, lease->id);
    sqlite3_bind_blob64(statement, 3, labels.size != 0 ? labels.bytes : "", labels.size,
                        SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, lease->ttl_s);
    code = ms_meta_step(meta, statement, "renew a lease", err);
    if (code < 0)
        return code;
    return sqlite3_changes(meta->db) == 0 ? no_lease(lease->id, err) : MS_OK;
}

int ms_meta_drop_lease(struct ms_meta *meta, const char *ns, const char *id, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, "DELETE FROM leases WHERE namespace = ?1 AND id = ?2",
                               &statement, err);
    if (code < 0)
        return code;
    ms_meta_bind(statement, 1, ns);
    ms_meta_bind(statement, 2, id);
    code = ms_meta_step(meta, statement, "delete a lease", err);
    if (code < 0)
        return code;
    return sqlite3_changes(meta->db) == 0 ? no_lease(id, err) : MS_OK;
}

static int read_process(sqlite3_stmt *statement, struct ms_record *lease, struct ms_err *err) {
    if (sqlite3_column_count(statement) < 8)
        return MS_OK;
    lease->ttl_s = sqlite3_column_int64(statement, 3);
    lease->process.pid = sqlite3_column_int64(statement, 4);
    if (lease->process.pid == 0)
        return MS_OK;
    lease->process.started = (uint64_t)sqlite3_column_int64(statement, 5);
    lease->process.pid_namespace = (uint64_t)sqlite3_column_int64(statement, 6);
    lease->boot_id = ms_meta_column(statement, 7);
    return lease->boot_id != NULL ? MS_OK : ms_err_memory(err);
}

static int add_record(struct ms_records *records, sqlite3_stmt *statement, struct ms_err *err) {
    struct ms_record *items =
        ms_grow(records->items, records->count, &records->room, sizeof *items);
    if (items == NULL)
        return ms_err_memory(err);
    records->items = items;
    ms_auto_record struct ms_record record = {
        .id = ms_meta_column(statement, 0),
        .created_ns = sqlite3_column_int64(statement, 1),
    };
    if (record.id == NULL)
        return ms_err_memory(err);
    int code = ms_labels_decode(sqlite3_column_blob(statement, 2),
                                (size_t)sqlite3_column_bytes(statement, 2), &record.labels, err);
    if (code == MS_OK)
        code = read_process(statement, &record, err);
    if (code < 0)
        return code;
    records->items[records->count++] = record;
    record = (struct ms_record){0};
    return MS_OK;
}

int ms_meta_read_records(struct ms_meta *meta, sqlite3_stmt *statement, struct ms_records *out,
                         struct ms_err *err) {
    int code = MS_OK;
    while ((code = ms_meta_step(meta, statement, "read leases and namespaces", err)) == 1) {
        code = add_record(out, statement, err);
        if (code < 0)
            return code;
    }
    return code;
}

int ms_meta_leases(struct ms_meta *meta, const char *ns, const char *id, struct ms_records *out,
                   struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               id != NULL ? "SELECT " MS_META_LEASE_COLUMNS " FROM leases l"
                                            " WHERE l.namespace = ?1 AND l.id = ?2"
                                          : "SELECT " MS_META_LEASE_COLUMNS " FROM leases l"
                                            " WHERE l.namespace = ?1 ORDER BY l.id",
                               &statement, err);
    if (code < 0)
        return code;
    ms_meta_bind(statement, 1, ns);
    if (id != NULL)
        ms_meta_bind(statement, 2, id);
    code = ms_meta_read_records(meta, statement, out, err);
    return code == MS_OK && id != NULL && out->count == 0 ? no_lease(id, err) : code;
}

/* ---- what they hold --------------------------------------------------------------------------*/

int ms_meta_hold(struct ms_meta *meta, const char *lease, const struct ms_thing *thing,
                 struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "INSERT OR IGNORE INTO held (namespace, type, id, lease)"
                               " VALUES (?1, ?2, ?3, ?4)",
                               &statement, err);
    if (code < 0)
        return code;
    bind_thing(statement, thing);
    ms_meta_bind(statement, 4, lease);
    code = sqlite3_step(statement);
    if (code == SQLITE_CONSTRAINT_FOREIGNKEY)
        return no_lease(lease, err);
    return code == SQLITE_DONE ? MS_OK : ms_schema_fail(meta->db, "write a lease", err);
}

int ms_meta_let_go(struct ms_meta *meta, const char *lease, const struct ms_thing *thing,
                   struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(
        meta,
        lease != NULL
            ? "DELETE FROM held WHERE namespace = ?1 AND type = ?2 AND id = ?3 AND lease = ?4"
            : "DELETE FROM held WHERE namespace = ?1 AND type = ?2 AND id = ?3",
        &statement, err);
    if (code < 0)
        return code;
    bind_thing(statement, thing);
    if (lease != NULL)
        ms_meta_bind(statement, 4, lease);
    return ms_meta_step(meta, statement, "write a lease", err);
}

int ms_meta_rename_held(struct ms_meta *meta, const struct ms_thing *thing, const char *to,
                        struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "UPDATE OR REPLACE held SET id = ?4"
                               " WHERE namespace = ?1 AND type = ?2 AND id = ?3",
                               &statement, err);
    if (code < 0)
        return code;
    bind_thing(statement, thing);
    ms_meta_bind(statement, 4, to);
    return ms_meta_step(meta, statement, "write a lease", err);
}

static int add_resource(struct ms_resources *resources, sqlite3_stmt *statement,
                        struct ms_err *err) {
    struct ms_resource *items =
        ms_grow(resources->items, resources->count, &resources->room, sizeof *items);
    if (items == NULL)
        return ms_err_memory(err);
    resources->items = items;
    ms_auto_free char *type = ms_meta_column(statement, 0);
    ms_auto_free char *id = ms_meta_column(statement, 1);
    if (type == NULL || id == NULL)
        return ms_err_memory(err);
    struct ms_resource *resource = &resources->items[resources->count++];
    resource->type = ms_take_ptr(&type);
    resource->id = ms_take_ptr(&id);
    return MS_OK;
}

int ms_meta_held(struct ms_meta *meta, const char *ns, const char *lease, struct ms_resources *out,
                 struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "SELECT type, id FROM held WHERE namespace = ?1 AND lease = ?2"
                               " ORDER BY type, id",
                               &statement, err);
    if (code < 0)
        return code;
    ms_meta_bind(statement, 1, ns);
    ms_meta_bind(statement, 2, lease);
    while ((code = ms_meta_step(meta, statement, "read a lease", err)) == 1) {
        code = add_resource(out, statement, err);
        if (code < 0)
            return code;
    }
    return code;
}

int ms_meta_holders(struct ms_meta *meta, const struct ms_thing *thing, struct ms_records *out,
                    struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "SELECT " MS_META_LEASE_COLUMNS " FROM held h JOIN leases l"
                               " ON l.namespace = h.namespace AND l.id = h.lease"
                               " WHERE h.namespace = ?1 AND h.type = ?2 AND h.id = ?3",
                               &statement, err);
    if (code < 0)
        return code;
    bind_thing(statement, thing);
    return ms_meta_read_records(meta, statement, out, err);
}

/* ---- what goes with them ---------------------------------------------------------------------*/

int ms_meta_lease_made(struct ms_meta *meta, const char *ns, const char *lease, const char *type,
                       struct ms_names *out, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "WITH RECURSIVE chain (id, parent) AS ("
                               "  SELECT s.id, s.parent FROM held h JOIN snapshots s"
                               "    ON s.namespace = h.namespace AND s.key = h.id"
                               "    WHERE h.namespace = ?1 AND h.lease = ?2 AND h.type = ?3"
                               "  UNION SELECT p.id, p.parent"
                               "    FROM chain c JOIN snapshots p ON p.id = c.parent)"
                               "SELECT s.key FROM chain c JOIN snapshots s ON s.id = c.id"
                               " WHERE s.leased != 0 ORDER BY length(s.chain) DESC, s.id DESC",
                               &statement, err);
    if (code < 0)
        return code;
    ms_meta_bind(statement, 1, ns);
    ms_meta_bind(statement, 2, lease);
    ms_meta_bind(statement, 3, type);
    while ((code = ms_meta_step(meta, statement, "read a lease", err)) == 1) {
        const char *key = (const char *)sqlite3_column_text(statement, 0);
        code = key != NULL ? ms_names_add(out, key, err) : ms_err_memory(err);
        if (code < 0)
            return code;
    }
    return code;
}

int ms_meta_holdings(struct ms_meta *meta, const char *ns, const char *type,
                     ms_holding_visit *visit, void *context, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "SELECT s.id, h.lease FROM held h JOIN snapshots s"
                               " ON s.namespace = h.namespace AND s.key = h.id"
                               " WHERE h.namespace = ?1 AND h.type = ?2 ORDER BY s.id, h.lease",
                               &statement, err);
    if (code < 0)
        return code;
    ms_meta_bind(statement, 1, ns);
    ms_meta_bind(statement, 2, type);
    while ((code = ms_meta_step(meta, statement, "read what leases hold", err)) == 1) {
        const char *lease = (const char *)sqlite3_column_text(statement, 1);
        code = lease != NULL ? visit(context, sqlite3_column_int64(statement, 0), lease, err)
                             : ms_err_memory(err);
        if (code < 0)
            return code;
    }
    return code;
}

int ms_meta_kept(struct ms_meta *meta, const char *ns, const char *key, bool *out,
                 struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code =
        ms_meta_prepare(meta,
                        "SELECT EXISTS (SELECT 1 FROM snapshots s JOIN labels l"
                        "  ON l.snapshot = s.id WHERE s.namespace = ?1 AND s.key = ?2"
                        "  AND (l.name GLOB 'containerd.io/gc.root*'"
                        "    OR l.name GLOB 'containerd.io/gc.bref.*'))"
                        " OR EXISTS (SELECT 1 FROM labels l INDEXED BY labels_by_value"
                        "  CROSS JOIN snapshots s" /* labels first: they are few */
                        "  ON s.id = l.snapshot WHERE l.name GLOB 'containerd.io/gc.ref.snapshot.*'"
                        "  AND l.value = ?2 AND s.namespace = ?1 AND s.key != ?2)",
                        &statement, err);
    if (code < 0)
        return code;
    ms_meta_bind(statement, 1, ns);
    ms_meta_bind(statement, 2, key);
    code = ms_meta_step(meta, statement, "look at labels", err);
    if (code < 0)
        return code;
    *out = sqlite3_column_int(statement, 0) != 0;
    return MS_OK;
}
