#include "engine/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/err.h"
#include "base/own.h"
#include "engine/store/gate.h"
#include "engine/store/store_inside.h"
#include "sys/forks.h"
#include "sys/ident.h"
#include "sys/userns.h"

int ms_store_enter(const struct ms_store *store, const char *ns, const char *key,
                   struct ms_err *err) {
    if (store->forks != ms_forks())
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "this store was opened by process %d and carried over a fork: open it "
                          "again here",
                          (int)store->pid);
    if (ns != NULL) {
        int code = ms_key_check("namespace", ns, strlen(ns), err);
        if (code < 0)
            return code;
    }
    return key != NULL ? ms_key_check("key", key, strlen(key), err) : MS_OK;
}

int ms_store_writable(const struct ms_store *store, struct ms_err *err) {
    if (!store->other_world)
        return MS_OK;
    if (store->user_xattrs)
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "this store was made in a user namespace (user.overlay xattrs) and can "
                          "only be looked at and removed from outside: open it as its owner, or "
                          "inside `unshare -Urm`");
    return ms_err_set(err, MS_FAILED_PRECONDITION,
                      "this store was made by root (trusted.overlay xattrs) and can only be looked "
                      "at and removed from inside a user namespace: open it as root");
}

static char *copy(const char *text) { return strdup(text != NULL ? text : ""); }

static int set_options(struct ms_store *store, const struct ms_store_options *options,
                       struct ms_err *err) {
    store->durability = MS_DURABILITY_LAYER;
    if (options->durability != NULL)
        store->durability = ms_durability_of_name(options->durability);
    if (store->durability == 0)
        return ms_err_set(err, MS_INVALID_ARGUMENT,
                          "durability '%.40s': it is metadata, layer or full", options->durability);
    bool index = false;
    store->mount_options = calloc(options->mount_options_count + 1, sizeof(char *));
    if (store->mount_options == NULL)
        return ms_err_memory(err);
    for (size_t i = 0; i < options->mount_options_count; i++) {
        const char *option = options->mount_options[i];
        index = index || strcmp(option, "index") == 0 || strncmp(option, "index=", 6) == 0;
        store->mount_options[i] = copy(option);
        if (store->mount_options[i] == NULL)
            return ms_err_memory(err);
        store->mount_options_count++;
    }
    store->index_off = !index && access("/sys/module/overlay/parameters/index", F_OK) == 0;
    return MS_OK;
}

/* A database that is gone while layers are there must not be made anew: their rows would be lost.
 */
static int refuse_lost_database(const struct ms_store *store, struct ms_err *err) {
    int empty = ms_dir_is_empty(store->place.layers_fd, err);
    if (empty < 0)
        return empty;
    if (empty == 0)
        return ms_err_set(err, MS_DATA_LOSS,
                          "metadata.db is gone and layers are there: `moonsnap check --repair` "
                          "rebuilds it from the markers beside them");
    return MS_OK;
}

/* Does this process write user.overlay.*, for want of the right to trusted.overlay.*? */
static bool in_user_world(void) { return !ms_userns_initial() || geteuid() != 0; }

/* The first open of a new store decides what it is; two openers may meet here. A rebuild that was
 * killed has left a database as empty as a new one. */
static int found(struct ms_store *store, const struct ms_store_options *options,
                 struct ms_err *err) {
    ms_auto_free char *driver = NULL;
    int code = ms_store_begin(store, err);
    if (code < 0)
        return code;
    code = ms_meta_setting(&store->meta, "driver", &driver, err);
    if (code == MS_OK && driver == NULL)
        code = refuse_lost_database(store, err);
    if (code == MS_OK && driver == NULL) {
        code = ms_meta_set(&store->meta, "xattrs", in_user_world() ? "user" : "trusted", err);
        if (code == MS_OK)
            code = ms_meta_set(&store->meta, "boot_id", store->boot_id, err);
        if (code == MS_OK)
            code = ms_meta_set(&store->meta, "driver",
                               options->driver != NULL ? options->driver : "overlay", err);
    }
    return ms_store_end(store, code, err);
}

/* Reads what the store is and holds the caller's wishes against it. */
static int identify(struct ms_store *store, const struct ms_store_options *options,
                    struct ms_err *err) {
    ms_auto_free char *driver = NULL;
    ms_auto_free char *xattrs = NULL;
    if (options->driver != NULL && ms_driver_find(options->driver) == NULL)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "driver '%.40s': it is overlay or native",
                          options->driver);
    int code = ms_meta_setting(&store->meta, "driver", &driver, err);
    if (code == MS_OK && driver == NULL) {
        code = found(store, options, err);
        if (code == MS_OK)
            code = ms_meta_setting(&store->meta, "driver", &driver, err);
    }
    if (code == MS_OK)
        code = ms_meta_setting(&store->meta, "xattrs", &xattrs, err);
    if (code < 0)
        return code;
    store->driver = driver != NULL ? ms_driver_find(driver) : NULL;
    if (store->driver == NULL || xattrs == NULL)
        return ms_err_set(err, MS_DATA_LOSS, "metadata.db does not say what store this is");
    if (options->driver != NULL && strcmp(options->driver, driver) != 0)
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "the store is kept by the driver %s, not by %s: leave the driver out",
                          driver, options->driver);
    store->user_xattrs = strcmp(xattrs, "user") == 0;
    store->other_world = store->driver->stacks && store->user_xattrs != in_user_world();
    return store->driver->probe(&store->place, err);
}

/* Is there a database, or is one to be made? */
static int check_database(const struct ms_store *store, bool create, bool *make,
                          struct ms_err *err) {
    struct stat stat;
    *make = false;
    if (fstatat(store->place.root_fd, "metadata.db", &stat, AT_SYMLINK_NOFOLLOW) == 0) {
        *make = stat.st_size == 0;
        if (*make && !create)
            return ms_err_set(err, MS_DATA_LOSS, "metadata.db is empty");
        return MS_OK;
    }
    if (errno != ENOENT)
        return ms_err_sys(err, errno, "look at metadata.db");
    *make = true;
    return MS_OK;
}

/* A database is made behind the gate, one maker at a time: SQLite does not wait for who switches it
 * to WAL. Whoever meets a maker looks again behind the gate. */
static int open_meta(struct ms_store *store, const char *path, bool make, struct ms_err *err) {
    if (!make) {
        int code = ms_meta_open(&store->meta, path, false, err);
        if (code != MS_UNAVAILABLE)
            return code;
    }
    int code = ms_gate_enter(store->place.gate_fd, MS_GATE_WAIT_MS, err);
    if (code < 0)
        return code;
    code = ms_meta_open(&store->meta, path, make, err);
    ms_gate_leave(store->place.gate_fd);
    return code;
}

static int open_database(struct ms_store *store, bool create, struct ms_err *err) {
    ms_auto_free char *path = ms_place_path(&store->place, "metadata.db");
    bool make = false;
    struct ms_err lost = {0};
    int code = check_database(store, create, &make, err);
    /* layers come after their database: one that is there by now was founded between the two looks
     */
    if (code == MS_OK && make && refuse_lost_database(store, &lost) < 0)
        code = check_database(store, create, &make, err);
    if (code == MS_OK && make && lost.kind != MS_OK) {
        *err = lost;
        return lost.kind;
    }
    if (code == MS_OK && make && !create)
        return ms_err_set(err, MS_NOT_FOUND, "there is no metadata.db");
    if (code < 0)
        return code;
    if (path == NULL)
        return ms_err_memory(err);
    code = open_meta(store, path, make, err);
    if (code == MS_OK)
        (void)sqlite3_busy_handler(store->meta.db, ms_gate_wait, &store->place.gate_fd);
    if (code != MS_DATA_LOSS)
        return code;
    struct ms_err why = *err;
    return ms_err_set(
        err, MS_DATA_LOSS,
        "%.100s: `moonsnap check --repair` rebuilds it from the markers beside layers", why.text);
}

/* SQLite refuses what slips through. */
static int look_only(struct ms_store *store, struct ms_err *err) {
    store->look = true;
    return ms_meta_exec(&store->meta, "PRAGMA query_only = ON", "open metadata.db for looking",
                        err);
}

int ms_store_open(const struct ms_store_options *options, struct ms_store **out,
                  struct ms_err *err) {
    struct ms_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return ms_err_memory(err);
    store->pid = getpid();
    (void)pthread_mutex_init(&store->retired_lock, NULL);
    store->forks = ms_forks();
    store->place.root_fd = -1;
    int code = ms_place_open(options->root, options->create, &store->place, err);
    if (code < 0) {
        free(store);
        return code;
    }
    code = set_options(store, options, err);
    if (code == MS_OK)
        code = ms_ident_boot_id(&store->boot_id, err);
    if (code == MS_OK)
        code = open_database(store, options->create, err);
    if (code == MS_OK)
        code = identify(store, options, err);
    if (code == MS_OK)
        code = options->look ? look_only(store, err) : ms_store_recover(store, err);
    if (code < 0) {
        ms_err_wrap(err, "open store %.100s", store->place.root);
        ms_store_close(store);
        return code;
    }
    *out = store;
    return MS_OK;
}

void ms_store_close(struct ms_store *store) {
    if (store == NULL || store->forks != ms_forks())
        return;
    while (store->undo.depth > 0)
        ms_store_rollback(store);
    ms_store_retire_rest(store);
    (void)pthread_mutex_destroy(&store->retired_lock);
    ms_meta_close(&store->meta);
    ms_place_close(&store->place);
    ms_undo_clear(&store->undo);
    for (size_t i = 0; i < store->mount_options_count; i++)
        free(store->mount_options[i]);
    free(store->mount_options);
    free(store->boot_id);
    free(store);
}

void ms_store_facts(const struct ms_store *store, struct ms_store_facts *out) {
    *out = (struct ms_store_facts){
        .root = store->place.root,
        .driver = store->driver->name,
        .xattrs = store->user_xattrs ? "user" : "trusted",
        .durability = ms_durability_name(store->durability),
        .other_world = store->other_world,
    };
}

bool ms_store_same(const struct ms_store *left, const struct ms_store *right) {
    struct stat a;
    struct stat b;
    return left == right ||
           (fstat(left->place.root_fd, &a) == 0 && fstat(right->place.root_fd, &b) == 0 &&
            a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

int ms_store_namespaces(struct ms_store *store, struct ms_names *out, struct ms_err *err) {
    int code = ms_store_enter(store, NULL, NULL, err);
    return code < 0 ? code : ms_meta_namespaces(&store->meta, out, err);
}
