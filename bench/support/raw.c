/* raw.c - the bare cost of what the engine cannot do without, for the figures' other side.
 *
 *     raw commit DIR COUNT       COUNT times what prepare and commit of an empty layer need: the
 * same directories, rows, transactions and syncs, through prepared statements raw mount TARGET
 * LAYER...  one read-only overlay of the layers through the new mount API, a descriptor for each;
 * unmounts it after the clock has stopped
 *
 * Prints nanoseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void need(int good, const char *what) {
    if (good)
        return;
    perror(what);
    exit(1);
}

struct raw {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *insert, *update, *event, *setting;
    int layers, work;
};

static void prepare(struct raw *raw, const char *sql, sqlite3_stmt **out) {
    need(sqlite3_prepare_v2(raw->db, sql, -1, out, NULL) == SQLITE_OK, sqlite3_errmsg(raw->db));
}

static void step(struct raw *raw, sqlite3_stmt *statement) {
    need(sqlite3_step(statement) == SQLITE_DONE, sqlite3_errmsg(raw->db));
    sqlite3_reset(statement);
}

static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "CREATE TABLE snapshots (id INTEGER PRIMARY KEY AUTOINCREMENT, namespace TEXT NOT NULL,"
    " key TEXT NOT NULL, kind INTEGER NOT NULL, parent INTEGER, chain BLOB NOT NULL,"
    " created INTEGER, updated INTEGER, used INTEGER, use_count INTEGER DEFAULT 0, size INTEGER,"
    " inodes INTEGER, damaged INTEGER DEFAULT 0, UNIQUE (namespace, key)) STRICT;"
    "CREATE INDEX by_namespace ON snapshots (namespace);"
    "CREATE INDEX by_parent ON snapshots (parent);"
    "CREATE TABLE events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER, topic TEXT,"
    " namespace TEXT, snapshot INTEGER, key TEXT, name TEXT, parent TEXT) STRICT;"
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT) STRICT, WITHOUT ROWID;";

static void open_raw(struct raw *raw, const char *dir) {
    need(chdir(dir) == 0, dir);
    (void)mkdir("layers", 0700);
    (void)mkdir("work", 0700);
    raw->layers = open("layers", O_RDONLY | O_DIRECTORY);
    raw->work = open("work", O_RDONLY | O_DIRECTORY);
    need(raw->layers >= 0 && raw->work >= 0, "open");
    need(sqlite3_open("metadata.db", &raw->db) == SQLITE_OK, "sqlite");
    need(sqlite3_exec(raw->db, schema, NULL, NULL, NULL) == SQLITE_OK, sqlite3_errmsg(raw->db));
    prepare(raw, "BEGIN IMMEDIATE", &raw->begin);
    prepare(raw, "COMMIT", &raw->commit);
    prepare(raw,
            "INSERT INTO snapshots (namespace, key, kind, chain, created, updated, used, size,"
            " inodes) VALUES ('default', ?1, 2, x'', ?2, ?2, ?2, 0, 0)",
            &raw->insert);
    prepare(raw, "UPDATE snapshots SET key = ?2, kind = 3, created = ?3 WHERE id = ?1",
            &raw->update);
    prepare(raw,
            "INSERT INTO events (at, topic, namespace, snapshot, key, name, parent)"
            " VALUES (?1, ?2, 'default', ?3, ?4, '', '')",
            &raw->event);
    prepare(raw, "INSERT OR REPLACE INTO settings VALUES ('covered', ?1)", &raw->setting);
}

static void add_event(struct raw *raw, const char *topic, long long id, const char *key) {
    sqlite3_bind_int64(raw->event, 1, now());
    sqlite3_bind_text(raw->event, 2, topic, -1, SQLITE_STATIC);
    sqlite3_bind_int64(raw->event, 3, id);
    sqlite3_bind_text(raw->event, 4, key, -1, SQLITE_STATIC);
    step(raw, raw->event);
}

static long long make_active(struct raw *raw, const char *key, char name[32]) {
    step(raw, raw->begin);
    sqlite3_bind_text(raw->insert, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(raw->insert, 2, now());
    step(raw, raw->insert);
    long long id = sqlite3_last_insert_rowid(raw->db);
    add_event(raw, "/snapshot/prepare", id, key);
    (void)snprintf(name, 32, "%lld", id);
    need(mkdirat(raw->layers, name, 0755) == 0 && mkdirat(raw->work, name, 0711) == 0, "mkdir");
    step(raw, raw->commit);
    return id;
}

static void make_committed(struct raw *raw, long long id, const char *key, const char *name) {
    char text[32];
    char marker[48];
    int layer = openat(raw->layers, name, O_RDONLY | O_DIRECTORY);
    need(layer >= 0 && fsync(layer) == 0, "fsync");
    close(layer);
    step(raw, raw->begin);
    (void)snprintf(text, sizeof text, "committed-%lld", id);
    sqlite3_bind_int64(raw->update, 1, id);
    sqlite3_bind_text(raw->update, 2, text, -1, SQLITE_STATIC);
    sqlite3_bind_int64(raw->update, 3, now());
    step(raw, raw->update);
    add_event(raw, "/snapshot/commit", id, key);
    (void)snprintf(marker, sizeof marker, "%s.row", name);
    need(symlinkat("the row as text, about as long as a short one is", raw->layers, marker) == 0,
         "symlink");
    need(fsync(raw->layers) == 0 && fsync(raw->work) == 0, "fsync");
    sqlite3_bind_text(raw->setting, 1, name, -1, SQLITE_STATIC);
    step(raw, raw->setting);
    step(raw, raw->commit);
}

static int time_commits(const char *dir, long count) {
    struct raw raw;
    open_raw(&raw, dir);
    long long start = 0;
    for (long i = -5; i < count; i++) { /* the first five warm up */
        char key[32];
        char name[32];
        if (i == 0)
            start = now();
        (void)snprintf(key, sizeof key, "key-%ld", i);
        long long id = make_active(&raw, key, name);
        make_committed(&raw, id, key, name);
    }
    printf("%lld\n", now() - start);
    return 0;
}

static int time_mount(const char *target, char **layers, int count) {
    long long start = now();
    int fs = fsopen("overlay", FSOPEN_CLOEXEC);
    need(fs >= 0, "fsopen");
    for (int i = 0; i < count; i++) {
        int layer = open(layers[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
        need(layer >= 0, layers[i]);
        need(fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, layer) == 0, "fsconfig");
        close(layer);
    }
    need(fsconfig(fs, FSCONFIG_SET_STRING, "source", "overlay", 0) == 0, "fsconfig");
    need(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0, "create");
    int mount = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
    need(mount >= 0, "fsmount");
    close(fs);
    need(move_mount(mount, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) == 0, "move_mount");
    close(mount);
    printf("%lld\n", now() - start);
    return umount2(target, 0);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "commit") == 0)
        return time_commits(argv[2], strtol(argv[3], NULL, 10));
    if (argc > 4 && strcmp(argv[1], "mount") == 0)
        return time_mount(argv[2], argv + 3, argc - 3);
    (void)fprintf(stderr, "usage: raw commit DIR COUNT | raw mount TARGET LAYER...\n");
    return 2;
}
