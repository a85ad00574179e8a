#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/err.h"
#include "base/own.h"
#include "engine/clock.h"
#include "engine/layer/marker.h"
#include "engine/store/store_inside.h"
#include "sys/forks.h"

static int by_value(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* The numbers with a directory under layers/, sorted. */
static int list_layers(const struct ms_place *place, struct ms_ids *out, struct ms_err *err) {
    ms_auto_closedir DIR *dir = ms_dir_read(place->layers_fd);
    if (dir == NULL)
        return ms_err_sys(err, errno, "read layers");
    for (const struct dirent *entry; (entry = ms_dir_next(dir)) != NULL;) {
        const char *rest = NULL;
        int64_t number = 0;
        if (!ms_layer_number(entry->d_name, &number, &rest) || *rest != '\0')
            continue;
        int code = ms_ids_add(out, number, err);
        if (code < 0)
            return code;
    }
    if (out->count != 0)
        qsort(out->items, out->count, sizeof *out->items, by_value);
    return MS_OK;
}

/* A database that opens and answers must not be thrown away. */
static int refuse_good_database(const struct ms_place *place, struct ms_err *err) {
    ms_auto_free char *path = ms_place_path(place, "metadata.db");
    struct ms_meta meta;
    struct ms_err why;
    char *driver = NULL;
    if (faccessat(place->root_fd, "metadata.db", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return MS_OK;
    if (path == NULL)
        return ms_err_memory(err);
    int code = ms_meta_open(&meta, path, false, &why);
    if (code == MS_DATA_LOSS)
        return MS_OK;
    if (code == MS_OK) {
        code = ms_meta_setting(&meta, "driver", &driver, &why);
        ms_meta_close(&meta);
    }
    bool empty = code == MS_OK && driver == NULL;
    free(driver);
    if (code == MS_DATA_LOSS || empty)
        return MS_OK;
    if (code == MS_OK)
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "metadata.db can be read: there is nothing to rebuild");
    *err = why;
    return code;
}

static const char *const database_names[] = {"metadata.db", "metadata.db-wal", "metadata.db-shm"};
#define DATABASE_NAMES (sizeof database_names / sizeof *database_names)

/* Keeps what is left of the old database beside the new one. */
static int set_aside(const struct ms_place *place, int64_t when, struct ms_err *err) {
    for (size_t i = 0; i < DATABASE_NAMES; i++) {
        char aside[64];
        (void)snprintf(aside, sizeof aside, "%s.lost.%lld", database_names[i], (long long)when);
        if (renameat(place->root_fd, database_names[i], place->root_fd, aside) < 0 &&
            errno != ENOENT)
            return ms_err_sys(err, errno, "set the old %s aside", database_names[i]);
    }
    return MS_OK;
}

/* After a failure: an empty new database, when made says that there is one, would look like a new
 * store. */
static void put_back(const struct ms_place *place, int64_t when, bool made) {
    for (size_t i = 0; i < DATABASE_NAMES; i++) {
        char aside[64];
        (void)snprintf(aside, sizeof aside, "%s.lost.%lld", database_names[i], (long long)when);
        if (made)
            (void)unlinkat(place->root_fd, database_names[i], 0);
        (void)renameat(place->root_fd, aside, place->root_fd, database_names[i]);
    }
}

static int insert_marker(struct ms_store *store, const struct ms_marker *marker,
                         struct ms_err *err) {
    ms_auto_row struct ms_row parent = {0};
    ms_auto_chain struct ms_chain chain = {0};
    ms_auto_free char *ns = NULL;
    ms_auto_free char *key = NULL;
    int64_t number = 0;
    int code = MS_OK;
    if (marker->parent != 0)
        code = ms_meta_name(&store->meta, marker->parent, &ns, &key, err);
    if (code == MS_OK && marker->parent != 0)
        code = ms_meta_find(&store->meta, ns, key, &parent, err);
    if (code == MS_OK && marker->parent != 0)
        code = ms_chain_push(&parent.chain, marker->parent, &chain, err);
    struct ms_new_row row = {
        .ns = marker->ns,
        .key = marker->name,
        .kind = MS_KIND_COMMITTED,
        .number = marker->number,
        .parent = marker->parent,
        .chain = &chain,
        .created_ns = marker->created_ns,
        .usage = marker->usage,
        .labels = &marker->labels,
    };
    if (code == MS_OK)
        code = ms_meta_insert(&store->meta, &row, &number, err);
    return code < 0 ? code : ms_meta_set_updated(&store->meta, number, marker->updated_ns, err);
}

static int describe(struct ms_store *store, const struct ms_marker *marker, struct ms_err *err) {
    int code = ms_meta_set(&store->meta, "driver", marker->driver, err);
    if (code == MS_OK)
        code = ms_meta_set(&store->meta, "xattrs", marker->xattrs, err);
    return code < 0 ? code : ms_meta_set(&store->meta, "boot_id", "rebuilt", err);
}

/* One pass over the layers that have no row yet: inserts those whose parent has one. A child may
 * have a lower number than a parent that it was rebased onto, so passes repeat until none helps. */
static int pass(struct ms_store *store, struct ms_ids *layers, int64_t *found, struct ms_err *err) {
    size_t left = 0;
    for (size_t i = 0; i < layers->count; i++) {
        ms_auto_marker struct ms_marker marker = {0};
        struct ms_err why;
        int64_t number = layers->items[i];
        int code = ms_marker_read(store->place.layers_fd, number, &marker, &why);
        if (code == MS_OK && *found == 0)
            code = describe(store, &marker, &why);
        if (code == MS_OK)
            code = insert_marker(store, &marker, &why);
        if (code == MS_OK) {
            ++*found;
            continue;
        }
        if (code != MS_NOT_FOUND && code != MS_DATA_LOSS && code != MS_ALREADY_EXISTS) {
            *err = why;
            return code;
        }
        layers->items[left++] = number;
    }
    layers->count = left;
    return MS_OK;
}

/* What has no marker is an active's or unexplained: it is kept, out of cleanup's way. */
static int keep_the_rest(struct ms_store *store, const struct ms_ids *layers, struct ms_err *err) {
    int code = MS_OK;
    for (size_t i = 0; code == MS_OK && i < layers->count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%lld", (long long)layers->items[i]);
        code = ms_layer_quarantine(&store->place, store->place.layers_fd, name, err);
        if (code == MS_OK)
            code = ms_meta_raise_sequence(&store->meta, layers->items[i], err);
    }
    return code;
}

static int rebuild_inside(struct ms_store *store, int64_t *found, struct ms_err *err) {
    ms_auto_ids struct ms_ids layers = {0};
    size_t before = 0;
    int code = list_layers(&store->place, &layers, err);
    do {
        before = layers.count;
        if (code == MS_OK)
            code = pass(store, &layers, found, err);
    } while (code == MS_OK && layers.count != 0 && layers.count < before);
    if (code == MS_OK && *found == 0)
        code = ms_err_set(err, MS_NOT_FOUND, "no layer has a marker beside it");
    if (code == MS_OK)
        code = keep_the_rest(store, &layers, err);
    return code;
}

/* Fills a new database; nothing is open afterwards. */
static int make_database(struct ms_store *store, int64_t *found, struct ms_err *err) {
    ms_auto_free char *path = ms_place_path(&store->place, "metadata.db");
    if (path == NULL)
        return ms_err_memory(err);
    int code = ms_meta_open(&store->meta, path, true, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code == MS_OK) {
        code = rebuild_inside(store, found, err);
        code = ms_store_end(store, code, err);
    }
    ms_meta_close(&store->meta);
    ms_undo_clear(&store->undo);
    return code;
}

/* One process at a time, until root_fd is closed: the next would set a half made database aside. */
static int lock_root(const struct ms_place *place, struct ms_err *err) {
    if (flock(place->root_fd, LOCK_EX | LOCK_NB) == 0)
        return MS_OK;
    if (errno == EWOULDBLOCK)
        return ms_err_set(err, MS_UNAVAILABLE, "another process is rebuilding it: try again");
    return ms_err_sys(err, errno, "lock the root");
}

int ms_store_rebuild(const char *root, int64_t *rebuilt, struct ms_err *err) {
    struct ms_store store = {.pid = getpid(), .forks = ms_forks(), .place = {.root_fd = -1}};
    int64_t when = ms_clock_now_ns();
    int64_t found = 0;
    int code = ms_place_open(root, false, &store.place, err);
    if (code < 0)
        return code;
    code = lock_root(&store.place, err);
    if (code == MS_OK)
        code = refuse_good_database(&store.place, err);
    if (code == MS_OK) {
        code = set_aside(&store.place, when, err);
        bool made = code == MS_OK;
        if (made)
            code = make_database(&store, &found, err);
        if (code < 0)
            put_back(&store.place, when, made);
    }
    ms_place_close(&store.place);
    if (code < 0)
        return ms_err_wrap(err, "rebuild store %.80s", root);
    *rebuilt = found;
    return MS_OK;
}
