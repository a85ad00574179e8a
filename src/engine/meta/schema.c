#include "engine/meta/schema.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/meta/labels.h"

static const char *const version_1 =
    "CREATE TABLE settings ("
    "  name TEXT PRIMARY KEY, value TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE snapshots ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  namespace TEXT NOT NULL,"
    "  key TEXT NOT NULL,"
    "  kind INTEGER NOT NULL CHECK (kind IN (1, 2, 3))," /* view, active, committed */
    "  parent INTEGER REFERENCES snapshots (id),"
    "  chain BLOB NOT NULL," /* ids of the ancestors, nearest first; see chain.h */
    "  created INTEGER NOT NULL,"
    "  updated INTEGER NOT NULL,"
    "  used INTEGER NOT NULL,"
    "  use_count INTEGER NOT NULL DEFAULT 0,"
    "  size INTEGER NOT NULL DEFAULT 0,"
    "  inodes INTEGER NOT NULL DEFAULT 0,"
    "  damaged INTEGER NOT NULL DEFAULT 0,"
    "  UNIQUE (namespace, key)"
    ") STRICT;"
    "CREATE INDEX snapshots_by_namespace ON snapshots (namespace);"
    "CREATE INDEX snapshots_by_parent ON snapshots (parent);"
    "CREATE INDEX snapshots_damaged ON snapshots (id) WHERE damaged != 0;"
    "CREATE TABLE labels ("
    "  snapshot INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,"
    "  name TEXT NOT NULL,"
    "  value TEXT NOT NULL,"
    "  PRIMARY KEY (snapshot, name)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX labels_by_value ON labels (name, value, snapshot);"
    "CREATE TABLE mounts ("
    "  snapshot INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,"
    "  target TEXT NOT NULL,"
    "  mount_id INTEGER NOT NULL,"
    "  mount_namespace INTEGER NOT NULL,"
    "  boot_id TEXT NOT NULL,"
    "  pid INTEGER NOT NULL,"
    "  readonly INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX mounts_by_snapshot ON mounts (snapshot);"
    "CREATE TABLE owners ("
    "  snapshot INTEGER PRIMARY KEY REFERENCES snapshots (id) ON DELETE CASCADE,"
    "  pid INTEGER NOT NULL,"
    "  started INTEGER NOT NULL," /* field 22 of /proc/PID/stat */
    "  pid_namespace INTEGER NOT NULL,"
    "  boot_id TEXT NOT NULL"
    ") STRICT;"
    "CREATE TABLE events ("
    "  sequence INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  at INTEGER NOT NULL,"
    "  topic TEXT NOT NULL,"
    "  namespace TEXT NOT NULL,"
    "  snapshot INTEGER NOT NULL,"
    "  key TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  parent TEXT NOT NULL"
    ") STRICT;";

/* 2: the labels of a row stand in it, too; filled by fill_labels. */
static const char *const version_2_labels =
    "ALTER TABLE snapshots ADD COLUMN labels BLOB NOT NULL DEFAULT x'';";

/* 2: leases and namespaces. */
static const char *const version_2_leases =
    "ALTER TABLE snapshots ADD COLUMN leased INTEGER NOT NULL DEFAULT 0;" /* made under a lease */
    "CREATE TABLE namespaces ("
    "  name TEXT PRIMARY KEY, created INTEGER NOT NULL, labels BLOB NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE leases ("
    "  namespace TEXT NOT NULL,"
    "  id TEXT NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  labels BLOB NOT NULL,"
    "  PRIMARY KEY (namespace, id)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE held ("
    "  namespace TEXT NOT NULL,"
    "  lease TEXT NOT NULL,"
    "  type TEXT NOT NULL," /* snapshots/overlayfs, ... */
    "  id TEXT NOT NULL,"   /* a key; need not exist */
    "  PRIMARY KEY (namespace, lease, type, id),"
    "  FOREIGN KEY (namespace, lease) REFERENCES leases (namespace, id) ON DELETE CASCADE"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX held_by_id ON held (namespace, type, id);";

/* 3: what holds a snapshot (pins, leases bound to a process), and stored plans. */
static const char *const version_3_holds =
    "CREATE TABLE pins ("
    "  snapshot INTEGER PRIMARY KEY REFERENCES snapshots (id) ON DELETE CASCADE,"
    "  created INTEGER NOT NULL,"
    "  until INTEGER NOT NULL," /* 0: for good */
    "  reason TEXT NOT NULL"
    ") STRICT;"
    "ALTER TABLE leases ADD COLUMN ttl INTEGER NOT NULL DEFAULT 0;" /* seconds; 0: none */
    "ALTER TABLE leases ADD COLUMN pid INTEGER NOT NULL DEFAULT 0;" /* 0: of no process */
    "ALTER TABLE leases ADD COLUMN started INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE leases ADD COLUMN pid_namespace INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE leases ADD COLUMN boot_id TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE plans ("
    "  id TEXT PRIMARY KEY,"
    "  namespace TEXT NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  header TEXT NOT NULL," /* JSON: what is not about one item */
    "  items INTEGER NOT NULL,"
    "  done INTEGER NOT NULL DEFAULT 0" /* items up to this place are done */
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE plan_items ("
    "  plan TEXT NOT NULL REFERENCES plans (id) ON DELETE CASCADE,"
    "  place INTEGER NOT NULL,"
    "  number INTEGER NOT NULL,"
    "  key TEXT NOT NULL,"
    "  verdict TEXT NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  rule TEXT NOT NULL,"
    "  text TEXT NOT NULL,"
    "  size INTEGER NOT NULL,"
    "  updated INTEGER NOT NULL," /* these three as they were when it was planned */
    "  used INTEGER NOT NULL,"
    "  use_count INTEGER NOT NULL,"
    "  outcome TEXT NOT NULL DEFAULT ''," /* '': removed, when the plan's done has passed it */
    "  outcome_text TEXT NOT NULL DEFAULT '',"
    "  PRIMARY KEY (plan, place)"
    ") STRICT, WITHOUT ROWID;";

/* 3: the outbox tells labels and data; where its readers are; who the store is. */
static const char *const version_3_events =
    "ALTER TABLE events ADD COLUMN labels BLOB NOT NULL DEFAULT x'';" /* as in snapshots */
    "ALTER TABLE events ADD COLUMN data TEXT NOT NULL DEFAULT '';"    /* JSON, or empty */
    "CREATE TABLE cursors ("
    "  name TEXT PRIMARY KEY,"
    "  sequence INTEGER NOT NULL," /* of the last event that the reader is done with */
    "  updated INTEGER NOT NULL,"
    "  attempts INTEGER NOT NULL," /* that failed on the next one */
    "  due INTEGER NOT NULL,"      /* when the next attempt is; 0: at once */
    "  given_up INTEGER NOT NULL," /* events */
    "  error TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO settings (name, value) VALUES ('store_id', lower(hex(randomblob(8)))),"
    "  ('trimmed', CAST(coalesce((SELECT min(sequence) - 1 FROM events), 0) AS TEXT));";

/* How long BEGIN IMMEDIATE waits for the writer in front: the gate keeps everybody else away, so
 * this is one transaction of somebody, and a short sleep finds its end soon. */
static int wait_for_writer(void *unused, int tries) {
    (void)unused;
    if (tries > 60000)
        return 0;
    struct timespec pause = {.tv_nsec = tries < 20 ? 100000 : 500000};
    (void)nanosleep(&pause, NULL);
    return 1;
}

int ms_schema_fail(sqlite3 *db, const char *doing, struct ms_err *err) {
    int code = sqlite3_errcode(db) & 0xff;
    int sys = sqlite3_system_errno(db);
    int kind = MS_INTERNAL;
    switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        kind = MS_UNAVAILABLE;
        break;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
        kind = MS_RESOURCE_EXHAUSTED;
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        kind = MS_DATA_LOSS;
        break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        kind = MS_PERMISSION_DENIED;
        break;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        if (sys == ENOSPC || sys == EDQUOT)
            kind = MS_RESOURCE_EXHAUSTED;
        else if (sys == EACCES || sys == EPERM || sys == EROFS)
            kind = MS_PERMISSION_DENIED;
        break;
    default:
        break;
    }
    ms_err_set(err, kind, "%s: %s", doing, sqlite3_errmsg(db));
    if (sys != 0 && (code == SQLITE_IOERR || code == SQLITE_CANTOPEN)) {
        err->sys = sys;
        ms_err_set(err, kind, "%s: %s (%s)", doing, sqlite3_errmsg(db), strerrordesc_np(sys));
    }
    return kind;
}

static int run_sql(sqlite3 *db, const char *sql, const char *doing, struct ms_err *err) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return ms_schema_fail(db, doing, err);
    return MS_OK;
}

static int configure(sqlite3 *db, struct ms_err *err) {
    int keep = 1;
    (void)sqlite3_busy_handler(db, wait_for_writer, NULL);
    (void)sqlite3_extended_result_codes(db, 1);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
    return run_sql(db,
                   "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                   "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"
                   "PRAGMA journal_size_limit = 16777216;", /* the WAL shrinks to that */
                   "read metadata.db", err);
}

static int read_version(sqlite3 *db, int *out, struct ms_err *err) {
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int(stmt, 0);
    int result = code == SQLITE_ROW ? MS_OK : ms_schema_fail(db, "read metadata.db", err);
    (void)sqlite3_finalize(stmt);
    return result;
}

/* ---- steps from version to version -----------------------------------------------------------*/

/* Writes the encoded labels of one row. */
static int fill_row(sqlite3_stmt *labels, sqlite3_stmt *update, int64_t number,
                    struct ms_err *err) {
    ms_auto_text struct ms_text text = {0};
    sqlite3_bind_int64(labels, 1, number);
    while (sqlite3_step(labels) == SQLITE_ROW)
        ms_labels_encode_one((const char *)sqlite3_column_text(labels, 0),
                             (size_t)sqlite3_column_bytes(labels, 0),
                             (const char *)sqlite3_column_text(labels, 1),
                             (size_t)sqlite3_column_bytes(labels, 1), &text);
    int code = sqlite3_reset(labels);
    sqlite3_bind_int64(update, 1, number);
    sqlite3_bind_blob64(update, 2, text.size != 0 ? text.bytes : "", text.size, SQLITE_STATIC);
    if (code == SQLITE_OK && sqlite3_step(update) == SQLITE_DONE)
        code = sqlite3_reset(update);
    if (code != SQLITE_OK)
        return ms_schema_fail(sqlite3_db_handle(update), "fill in labels", err);
    return ms_text_check(&text, err);
}

static int fill_labels(sqlite3 *db, struct ms_err *err) {
    sqlite3_stmt *rows = NULL;
    sqlite3_stmt *labels = NULL;
    sqlite3_stmt *update = NULL;
    int code = MS_OK;
    if (sqlite3_prepare_v2(db, "SELECT DISTINCT snapshot FROM labels", -1, &rows, NULL) !=
            SQLITE_OK ||
        sqlite3_prepare_v2(db, "SELECT name, value FROM labels WHERE snapshot = ?1 ORDER BY name",
                           -1, &labels, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "UPDATE snapshots SET labels = ?2 WHERE id = ?1", -1, &update,
                           NULL) != SQLITE_OK)
        code = ms_schema_fail(db, "fill in labels", err);
    while (code == MS_OK && sqlite3_step(rows) == SQLITE_ROW)
        code = fill_row(labels, update, sqlite3_column_int64(rows, 0), err);
    if (code == MS_OK && sqlite3_reset(rows) != SQLITE_OK)
        code = ms_schema_fail(db, "fill in labels", err);
    (void)sqlite3_finalize(rows);
    (void)sqlite3_finalize(labels);
    (void)sqlite3_finalize(update);
    return code;
}

/* What leads to a version from the one before: SQL, then a function where SQL is not enough. */
struct step {
    int to;
    const char *const *sql;
    int (*fill)(sqlite3 *db, struct ms_err *err);
};

static const struct step steps[] = {
    {.to = 1, .sql = &version_1},        {.to = 2, .sql = &version_2_labels, .fill = fill_labels},
    {.to = 2, .sql = &version_2_leases}, {.to = 3, .sql = &version_3_holds},
    {.to = 3, .sql = &version_3_events},
};

/* All steps from version to ours, in the transaction that is open. */
static int run_steps(sqlite3 *db, int version, struct ms_err *err) {
    int code = MS_OK;
    for (size_t i = 0; code == MS_OK && i < sizeof steps / sizeof *steps; i++) {
        if (steps[i].to <= version)
            continue;
        code = run_sql(db, *steps[i].sql, "make metadata.db", err);
        if (code == MS_OK && steps[i].fill != NULL)
            code = steps[i].fill(db, err);
    }
    return code;
}

/* Brings a database to our version; a new one has version 0. Two openers may meet here: the second
 * finds what the first made once it has the write lock. */
static int migrate(sqlite3 *db, struct ms_err *err) {
    char sql[64];
    int version = 0;
    int code = read_version(db, &version, err);
    if (code < 0 || version == MS_SCHEMA_VERSION)
        return code;
    if (version > MS_SCHEMA_VERSION)
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "metadata.db has version %d and this moonsnap reads up to %d: it was "
                          "written by a newer moonsnap, use that one",
                          version, MS_SCHEMA_VERSION);
    code = run_sql(db, "BEGIN IMMEDIATE", "make metadata.db", err);
    if (code < 0)
        return code;
    code = read_version(db, &version, err);
    if (code == MS_OK)
        code = run_steps(db, version, err);
    (void)snprintf(sql, sizeof sql, "PRAGMA user_version = %d; COMMIT", MS_SCHEMA_VERSION);
    if (code == MS_OK)
        code = run_sql(db, sql, "make metadata.db", err);
    if (code < 0)
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

int ms_schema_open(const char *path, bool create, sqlite3 **out, struct ms_err *err) {
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                (create ? SQLITE_OPEN_CREATE : 0);
    int code = MS_OK;
    if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK) {
        if (db == NULL)
            return ms_err_memory(err);
        code = ms_schema_fail(db, "open metadata.db", err);
    }
    if (code == MS_OK)
        code = configure(db, err);
    if (code == MS_OK)
        code = migrate(db, err);
    if (code < 0) {
        (void)sqlite3_close(db);
        return code;
    }
    *out = db;
    return MS_OK;
}
