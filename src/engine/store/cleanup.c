#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/err.h"
#include "base/own.h"
#include "base/remove.h"
#include "engine/mount/attach.h"
#include "engine/store/reserve.h"
#include "engine/store/store_inside.h"
#include "engine/store/survey.h"
#include "sys/ident.h"

struct ms_cleanup {
    struct ms_store *store; /* borrowed: outlives the cleanup */
    int64_t only;           /* whose trash alone is deleted; 0: all */
    bool spares;            /* snapshots without an owner stay */
    bool looked;            /* in_use is known */
    struct ms_in_use in_use;
    struct ms_cleaned result;
    struct ms_rows rows;        /* while comparing */
    int64_t sequence;           /* the highest number given when comparing began */
    struct ms_ids finished;     /* committed ones that still have a work directory */
    size_t finished_done;       /* those of them that were looked at */
    struct ms_remove *removing; /* the trash entry that is being deleted, or NULL */
    DIR *trash;
};

/* ---- comparing, under the write lock ------------------------------------------------------- */

/* Calls visit for each entry of the directory fd. */
static int each_entry(int fd, int (*visit)(struct ms_cleanup *, const char *, struct ms_err *),
                      struct ms_cleanup *cleanup, struct ms_err *err) {
    ms_auto_closedir DIR *dir = ms_dir_read(fd);
    const struct dirent *entry = NULL;
    int code = MS_OK;
    if (dir == NULL)
        return ms_err_sys(err, errno, "read a directory of the store");
    while (code == MS_OK && (entry = ms_dir_next(dir)) != NULL)
        code = visit(cleanup, entry->d_name, err);
    return code;
}

/* A directory whose number was never given belongs to a later database: what is empty goes, the
 * rest is kept aside, and the number is not given again. */
static int set_aside(struct ms_cleanup *cleanup, int from, const char *name, int64_t number,
                     struct ms_err *err) {
    struct ms_store *store = cleanup->store;
    if (unlinkat(from, name, AT_REMOVEDIR) == 0) {
        cleanup->result.orphans++;
        return MS_OK;
    }
    cleanup->result.quarantined++;
    int code = ms_layer_quarantine(&store->place, from, name, err);
    return code < 0 ? code : ms_meta_raise_sequence(&store->meta, number, err);
}

/* One directory of layers/ or work/ that no row needs. What cannot be moved stays where it is: no
 * other has to wait for it. */
static int retire(struct ms_cleanup *cleanup, int from, const char *name, int64_t number,
                  struct ms_err *err) {
    struct ms_store *store = cleanup->store;
    struct ms_err why;
    if (number > cleanup->sequence)
        return set_aside(cleanup, from, name, number, err);
    if (ms_layer_discard(&store->place, from, name, &why) == MS_OK)
        cleanup->result.orphans++;
    else
        cleanup->result.kept++;
    return MS_OK;
}

static int visit_layer(struct ms_cleanup *cleanup, const char *name, struct ms_err *err) {
    struct ms_store *store = cleanup->store;
    const char *rest = NULL;
    int64_t number = 0;
    if (!ms_layer_number(name, &number, &rest))
        return MS_OK;
    int kind = ms_rows_kind(&cleanup->rows, number);
    if (*rest == '\0')
        return kind != 0 ? MS_OK : retire(cleanup, store->place.layers_fd, name, number, err);
    if (strncmp(rest, ".row", 4) == 0 && kind != MS_KIND_COMMITTED)
        (void)unlinkat(store->place.layers_fd, name, 0);
    return MS_OK;
}

/* A committed layer needs no work directory. Whether somebody still has its overlay mounted takes
 * milliseconds to ask: that is left for later, with nothing held. */
static int visit_work(struct ms_cleanup *cleanup, const char *name, struct ms_err *err) {
    struct ms_store *store = cleanup->store;
    const char *rest = NULL;
    int64_t number = 0;
    if (!ms_layer_number(name, &number, &rest) || *rest != '\0')
        return MS_OK;
    int kind = ms_rows_kind(&cleanup->rows, number);
    if (kind == MS_KIND_ACTIVE)
        return MS_OK;
    if (kind == 0)
        return retire(cleanup, store->place.work_fd, name, number, err);
    return ms_ids_add(&cleanup->finished, number, err);
}

static int visit_stage(struct ms_cleanup *cleanup, const char *name, struct ms_err *err) {
    const struct ms_place *place = &cleanup->store->place;
    ms_auto_close int lock = -1;
    int code = ms_stage_seize(place, name, &lock, err);
    if (code <= 0)
        return code;
    cleanup->result.stages++;
    return ms_layer_discard(place, place->new_fd, name, err);
}

/* Removes a snapshot whose owner is gone, unless something keeps it (a child, a lease, a mount,
 * whoever mounted it). */
static int remove_abandoned(struct ms_cleanup *cleanup, int64_t number, const char *ns,
                            const char *key, struct ms_err *err) {
    struct ms_store *store = cleanup->store;
    struct ms_err why;
    if (!cleanup->looked && ms_store_in_use(store, &cleanup->in_use, &why) < 0)
        return MS_OK; /* nobody can tell: it stays till the next time */
    cleanup->looked = true;
    if (ms_in_use_has(&cleanup->in_use, number))
        return MS_OK;
    bool held = false;
    int code = ms_store_refuse_leased(store, ns, key, &held, err);
    if (code == MS_OK)
        code = ms_store_refuse_written(store, number, err);
    if (code == MS_OK)
        code = ms_store_remove(store, ns, key, true, err);
    if (code == MS_OK)
        cleanup->result.abandoned++;
    return code == MS_FAILED_PRECONDITION ? MS_OK : code;
}

int ms_store_next_abandoned(struct ms_store *store, int64_t *after, char **ns, char **key,
                            struct ms_err *err) {
    ms_auto_owner_row struct ms_owner_row row = {0};
    int code = ms_store_enter(store, NULL, NULL, err);
    if (code < 0)
        return code;
    while ((code = ms_meta_next_owner(&store->meta, *after, &row, err)) == 1) {
        struct ms_ident ident = {
            .pid = row.pid, .started = row.started, .pid_namespace = row.pid_namespace};
        *after = row.number;
        if (ms_ident_alive(&ident, row.boot_id, store->boot_id) == MS_ALIVE_NO) {
            code = ms_meta_name(&store->meta, row.number, ns, key, err);
            return code < 0 ? code : 1;
        }
        ms_owner_row_clear(&row);
    }
    return code;
}

static int visit_owners(struct ms_cleanup *cleanup, struct ms_err *err) {
    struct ms_store *store = cleanup->store;
    int64_t after = 0;
    for (;;) {
        ms_auto_free char *ns = NULL;
        ms_auto_free char *key = NULL;
        int code = ms_store_next_abandoned(store, &after, &ns, &key, err);
        if (code == 1)
            code = remove_abandoned(cleanup, after, ns, key, err);
        else
            return code;
        if (code < 0)
            return code;
    }
}

/* The rows are read first: the layer of an abandoned one goes to trash when its removal is durable,
 * as with every removal. */
static int compare(struct ms_cleanup *cleanup, struct ms_err *err) {
    const struct ms_place *place = &cleanup->store->place;
    int code = ms_meta_rows(&cleanup->store->meta, &cleanup->rows, err);
    if (code == MS_OK)
        code = ms_meta_sequence(&cleanup->store->meta, &cleanup->sequence, err);
    if (code == MS_OK && !cleanup->spares)
        code = visit_owners(cleanup, err);
    if (code == MS_OK)
        code = each_entry(place->layers_fd, visit_layer, cleanup, err);
    if (code == MS_OK)
        code = each_entry(place->work_fd, visit_work, cleanup, err);
    if (code == MS_OK)
        code = each_entry(place->new_fd, visit_stage, cleanup, err);
    if (code == MS_OK)
        code = ms_meta_trim_events(&cleanup->store->meta, err);
    return code < 0 ? code : ms_store_cover(cleanup->store, err);
}

/* ---- deleting, with nothing held ----------------------------------------------------------- */

void ms_cleanup_free(struct ms_cleanup *cleanup) {
    if (cleanup == NULL)
        return;
    ms_remove_free(cleanup->removing);
    ms_own_closedir(&cleanup->trash);
    ms_rows_clear(&cleanup->rows);
    ms_in_use_clear(&cleanup->in_use);
    ms_ids_clear(&cleanup->finished);
    free(cleanup);
}

void ms_cleanup_result(const struct ms_cleanup *cleanup, struct ms_cleaned *out) {
    *out = cleanup->result;
}

int ms_store_sweep_open(struct ms_store *store, int64_t number, struct ms_cleanup **out,
                        struct ms_err *err) {
    int code = ms_store_enter(store, NULL, NULL, err);
    if (code < 0)
        return code;
    struct ms_cleanup *cleanup = calloc(1, sizeof *cleanup);
    if (cleanup == NULL)
        return ms_err_memory(err);
    cleanup->store = store;
    cleanup->only = number;
    cleanup->trash = ms_dir_read(store->place.trash_fd);
    if (cleanup->trash == NULL) {
        ms_cleanup_free(cleanup);
        return ms_err_sys(err, errno, "read the trash");
    }
    *out = cleanup;
    return MS_OK;
}

void ms_cleanup_spare(struct ms_cleanup *cleanup) { cleanup->spares = true; }

int ms_cleanup_compare(struct ms_cleanup *cleanup, struct ms_err *err) {
    struct ms_store *store = cleanup->store;
    int code = ms_store_enter(store, NULL, NULL, err);
    if (code == MS_OK && ms_store_depth(store) > 0)
        code = ms_err_set(err, MS_FAILED_PRECONDITION,
                          "deleting cannot be rolled back: clean up outside the transaction");
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code == MS_OK) {
        code = compare(cleanup, err);
        code = ms_store_end(store, code, err);
    }
    if (code < 0)
        return ms_err_wrap(err, "clean up");
    rewinddir(cleanup->trash);
    return MS_OK;
}

/* The work directory of a committed one goes: at once when it was never mounted, else to trash,
 * unless an overlay is still mounted on it or nobody can tell. */
static void finish_work(struct ms_cleanup *cleanup, int64_t number) {
    struct ms_store *store = cleanup->store;
    ms_auto_free char *upper = ms_place_layer(&store->place, number);
    struct ms_err ignored;
    char name[24];
    bool in_use = false;
    bool known = false;
    (void)snprintf(name, sizeof name, "%lld", (long long)number);
    if (unlinkat(store->place.work_fd, name, AT_REMOVEDIR) == 0)
        return;
    if (store->other_world || upper == NULL ||
        ms_upper_in_use(upper, &in_use, &known, &ignored) < 0 || !known || in_use)
        return;
    (void)ms_layer_discard(&store->place, store->place.work_fd, name, &ignored);
}

/* Starts on the next trash entry: 1, or 0 when there is none. */
static int next_trash(struct ms_cleanup *cleanup) {
    for (;;) {
        const struct dirent *entry = ms_dir_next(cleanup->trash);
        if (entry == NULL)
            return 0;
        const char *rest = NULL;
        int64_t number = 0;
        if (cleanup->only != 0 && (!ms_layer_number(entry->d_name, &number, &rest) ||
                                   *rest != '.' || number != cleanup->only))
            continue;
        struct ms_err why;
        int code =
            ms_remove_open(cleanup->store->place.trash_fd, entry->d_name, &cleanup->removing, &why);
        if (code == MS_OK)
            return 1;
        if (code != MS_NOT_FOUND) /* else another process was here first */
            cleanup->result.kept++;
    }
}

int ms_cleanup_step(struct ms_cleanup *cleanup, size_t budget, struct ms_err *err) {
    if (cleanup->finished_done < cleanup->finished.count) {
        finish_work(cleanup, cleanup->finished.items[cleanup->finished_done++]);
        return 1;
    }
    if (cleanup->removing == NULL && next_trash(cleanup) == 0) {
        if (cleanup->only == 0)
            ms_reserve_keep(&cleanup->store->place);
        return 0;
    }
    uint64_t before = ms_remove_count(cleanup->removing);
    int code = ms_remove_step(cleanup->removing, budget, err);
    cleanup->result.entries += (int64_t)(ms_remove_count(cleanup->removing) - before);
    if (code == 1)
        return 1;
    if (code < 0)
        cleanup->result.kept++; /* the other entries go on */
    ms_remove_free(cleanup->removing);
    cleanup->removing = NULL;
    return 1;
}

int ms_store_sweep(struct ms_store *store, int64_t number, struct ms_err *err) {
    struct ms_cleanup *cleanup = NULL;
    int code = ms_store_sweep_open(store, number, &cleanup, err);
    if (code < 0 || cleanup == NULL)
        return code;
    do {
        code = ms_cleanup_step(cleanup, 4096, err);
    } while (code == 1);
    ms_cleanup_free(cleanup);
    return code;
}
