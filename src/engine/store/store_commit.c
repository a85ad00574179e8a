#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/own.h"
#include "engine/clock.h"
#include "engine/layer/marker.h"
#include "engine/meta/labels.h"
#include "engine/store/store_inside.h"

struct ms_seal {
    int64_t number; /* the layer it speaks of */
    int level;
    int layer_fd;
    struct ms_sealing *sealing;
    bool done;
    struct ms_usage usage;
};

void ms_seal_free(struct ms_seal *seal) {
    if (seal == NULL)
        return;
    ms_sealing_free(seal->sealing);
    ms_own_close(&seal->layer_fd);
    free(seal);
}

static void own_seal(struct ms_seal **seal) { ms_seal_free(*seal); }
#define auto_seal __attribute__((cleanup(own_seal)))

void ms_seal_usage(const struct ms_seal *seal, struct ms_usage *out) { *out = seal->usage; }

int ms_seal_step(struct ms_seal *seal, size_t budget, struct ms_err *err) {
    if (seal->done)
        return 0;
    int code = ms_sealing_step(seal->sealing, budget, err);
    if (code == 0) {
        ms_sealing_usage(seal->sealing, &seal->usage);
        seal->done = true;
    }
    return code;
}

/* A seal of layers/<number>. */
static int seal_layer(struct ms_store *store, int64_t number, int level, struct ms_seal **out,
                      struct ms_err *err) {
    auto_seal struct ms_seal *seal = calloc(1, sizeof *seal);
    if (seal == NULL)
        return ms_err_memory(err);
    int code = ms_store_make_pending(store, err);
    if (code < 0)
        return code;
    seal->number = number;
    seal->level = level != 0 ? level : store->durability;
    seal->layer_fd = -1;
    code = ms_layer_open(&store->place, number, &seal->layer_fd, err);
    if (code == MS_OK)
        code = ms_sealing_open(seal->layer_fd, seal->level, &seal->sealing, err);
    if (code < 0)
        return code;
    *out = ms_take_ptr(&seal);
    return MS_OK;
}

static int refuse_inactive(const struct ms_row *row, const char *key, struct ms_err *err) {
    if (row->kind == MS_KIND_ACTIVE)
        return MS_OK;
    return ms_err_set(err, MS_FAILED_PRECONDITION,
                      "snapshot '%.100s' is %s: only an active one can be committed", key,
                      ms_snapshot_kind_name(row->kind));
}

int ms_store_seal_open(struct ms_store *store, const char *ns, const char *key, int durability,
                       struct ms_seal **out, struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    int code = ms_store_enter(store, ns, key, err);
    if (code == MS_OK)
        code = ms_store_writable(store, err);
    if (code == MS_OK)
        code = ms_meta_find(&store->meta, ns, key, &row, err);
    if (code == MS_OK)
        code = refuse_inactive(&row, key, err);
    if (code == MS_OK)
        code = seal_layer(store, row.number, durability, out, err);
    return code < 0 ? ms_err_wrap(err, "seal '%.60s'", key) : MS_OK;
}

/* The parent that a commit ends with: the one it has, or the one it is rebased onto. */
static int choose_parent(struct ms_store *store, const char *ns, const struct ms_commit *commit,
                         const struct ms_row *row, struct ms_row *parent, struct ms_err *err) {
    ms_auto_free char *has_ns = NULL;
    ms_auto_free char *has = NULL;
    bool asked = commit->parent != NULL && commit->parent[0] != '\0';
    int code = MS_OK;
    if (row->parent != 0)
        code = ms_meta_name(&store->meta, row->parent, &has_ns, &has, err);
    if (code < 0)
        return code;
    if (has != NULL && asked && strcmp(has, commit->parent) != 0)
        return ms_err_set(err, MS_INVALID_ARGUMENT,
                          "it has the parent '%.60s' and cannot be moved onto '%.60s'", has,
                          commit->parent);
    if (has == NULL && !asked)
        return MS_OK;
    code = ms_store_find_parent(store, ns, has != NULL ? has : commit->parent, parent, err);
    /* in a rebase a parent of the wrong kind is a wrong state, not a wrong word */
    if (code == MS_INVALID_ARGUMENT && has == NULL)
        err->kind = code = MS_FAILED_PRECONDITION;
    return code;
}

/* All reasons to refuse, in the order that callers rely on. */
static int check(struct ms_store *store, const char *ns, const struct ms_commit *commit,
                 struct ms_row *row, struct ms_row *parent, struct ms_err *err) {
    bool exists = false;
    int code = ms_meta_find(&store->meta, ns, commit->key, row, err);
    if (code == MS_OK)
        code = ms_meta_exists(&store->meta, ns, commit->name, &exists, err);
    if (code < 0)
        return code;
    if (exists)
        return ms_err_set(err, MS_ALREADY_EXISTS, "snapshot '%.100s' already exists", commit->name);
    code = refuse_inactive(row, commit->key, err);
    if (code == MS_OK)
        code = ms_store_refuse_mounted(store, row->number, "commit", err);
    return code < 0 ? code : choose_parent(store, ns, commit, row, parent, err);
}

int ms_store_marker(struct ms_store *store, int64_t number, struct ms_marker *out,
                    struct ms_err *err) {
    ms_auto_marker struct ms_marker marker = {0};
    ms_auto_info struct ms_info info = {0};
    ms_auto_row struct ms_row row = {0};
    int code = ms_meta_name(&store->meta, number, &marker.ns, &marker.name, err);
    if (code == MS_OK)
        code = ms_meta_info(&store->meta, marker.ns, marker.name, &info, err);
    if (code == MS_OK)
        code = ms_meta_find(&store->meta, marker.ns, marker.name, &row, err);
    if (code < 0)
        return code;
    marker.number = number;
    marker.parent = row.parent;
    marker.created_ns = info.created_ns;
    marker.updated_ns = info.updated_ns;
    marker.usage = row.usage;
    marker.labels = info.labels;
    info.labels = (struct ms_labels){0};
    marker.driver = strdup(store->driver->name);
    marker.xattrs = strdup(store->user_xattrs ? "user" : "trusted");
    if (marker.driver == NULL || marker.xattrs == NULL)
        return ms_err_memory(err);
    *out = marker;
    marker = (struct ms_marker){0};
    return MS_OK;
}

int ms_store_mark(struct ms_store *store, int64_t number, struct ms_err *err) {
    ms_auto_marker struct ms_marker marker = {0};
    int code = ms_store_marker(store, number, &marker, err);
    return code < 0 ? code : ms_marker_write(store->place.layers_fd, &marker, err);
}

/* The marker of a row that was written just now. Its strings are borrowed. */
static int mark_new(struct ms_store *store, int64_t number, const struct ms_new_row *row,
                    struct ms_err *err) {
    struct ms_labels kept;
    int code = ms_labels_kept(row->labels, &kept, err);
    if (code < 0)
        return code;
    const struct ms_marker marker = {
        .number = number,
        .parent = row->parent,
        .created_ns = row->created_ns,
        .updated_ns = row->created_ns,
        .usage = row->usage,
        .driver = (char *)store->driver->name,
        .xattrs = store->user_xattrs ? "user" : "trusted",
        .ns = (char *)row->ns,
        .name = (char *)row->key,
        .labels = kept,
    };
    code = ms_marker_write(store->place.layers_fd, &marker, err);
    free(kept.items);
    return code;
}

/* The committed row, its labels, its event and its marker. */
static int write_committed(struct ms_store *store, const char *ns, const struct ms_commit *commit,
                           const struct ms_row *row, const struct ms_row *parent,
                           struct ms_err *err) {
    ms_auto_chain struct ms_chain chain = {0};
    struct ms_new_row as = {
        .ns = ns,
        .key = commit->name,
        .parent = parent->number,
        .chain = &chain,
        .created_ns = ms_clock_now_ns(),
        .usage = commit->seal->usage,
        .labels = commit->labels,
        .leased = commit->lease != NULL,
    };
    struct ms_new_event event = {.topic = "/snapshot/commit",
                                 .ns = ns,
                                 .number = row->number,
                                 .key = commit->key,
                                 .name = commit->name};
    int code = MS_OK;
    if (parent->number != 0)
        code = ms_chain_push(&parent->chain, parent->number, &chain, err);
    if (code == MS_OK)
        code = ms_meta_commit(&store->meta, row->number, &as, err);
    if (code == MS_OK)
        code = ms_store_lease_move(store, ns, commit->key, commit->name, err);
    if (code == MS_OK)
        code = ms_store_lease_hold(store, ns, commit->lease, commit->name, err);
    if (code == MS_OK)
        code = ms_meta_drop_owner(&store->meta, row->number, err);
    if (code == MS_OK)
        code = ms_meta_add_event(&store->meta, &event, err);
    if (code == MS_OK)
        code = ms_undo_reserve(&store->undo, err);
    if (code < 0)
        return code;
    if (store->defers)
        ms_undo_add_mark(&store->undo, row->number);
    else
        ms_undo_add(&store->undo, MS_UNDO_UNMARK, row->number);
    if (store->committed < row->number)
        store->committed = row->number;
    return store->defers ? MS_OK : mark_new(store, row->number, &as, err);
}

static int commit_inside(struct ms_store *store, const char *ns, const struct ms_commit *commit,
                         struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    ms_auto_row struct ms_row parent = {0};
    int code = check(store, ns, commit, &row, &parent, err);
    if (code < 0)
        return code;
    if (!commit->seal->done || commit->seal->number != row.number)
        return ms_err_set(err, MS_ABORTED,
                          "the seal is not of this layer as it is now: seal again");
    if (commit->durability > commit->seal->level)
        return ms_err_set(
            err, MS_INVALID_ARGUMENT, "the seal promises durability %s and the commit asks for %s",
            ms_durability_name(commit->seal->level), ms_durability_name(commit->durability));
    return write_committed(store, ns, commit, &row, &parent, err);
}

/* Seals when the caller did not; refuses first what would be refused anyway. */
static int seal_if_needed(struct ms_store *store, const char *ns, const struct ms_commit *commit,
                          struct ms_seal **out, struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    ms_auto_row struct ms_row parent = {0};
    if (commit->seal != NULL)
        return MS_OK;
    int code = check(store, ns, commit, &row, &parent, err);
    if (code == MS_OK)
        code = seal_layer(store, row.number, commit->durability, out, err);
    if (code < 0 || *out == NULL)
        return code;
    do {
        code = ms_seal_step(*out, 4096, err);
    } while (code == 1);
    return code;
}

int ms_store_commit(struct ms_store *store, const char *ns, const struct ms_commit *commit,
                    struct ms_err *err) {
    auto_seal struct ms_seal *seal = NULL;
    int code = ms_store_enter(store, ns, commit->key, err);
    if (code == MS_OK)
        code = ms_key_check("name", commit->name, strlen(commit->name), err);
    if (code == MS_OK)
        code = ms_store_writable(store, err);
    if (code == MS_OK)
        code = ms_store_check_labels(commit->labels, err);
    if (code == MS_OK)
        code = seal_if_needed(store, ns, commit, &seal, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code == MS_OK) {
        struct ms_commit sealed = *commit;
        if (seal != NULL)
            sealed.seal = seal;
        code = commit_inside(store, ns, &sealed, err);
        code = ms_store_end(store, code, err);
    }
    if (code == MS_ALREADY_EXISTS && commit->lease != NULL)
        code = ms_store_lease_hold_existing(store, ns, commit->lease, commit->name, err);
    return code < 0 ? ms_err_wrap(err, "commit '%.60s'", commit->name) : MS_OK;
}
