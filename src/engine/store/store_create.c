#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"
#include "engine/clock.h"
#include "engine/idmap.h"
#include "engine/store/store_inside.h"
#include "sys/ident.h"

int ms_store_check_labels(const struct ms_labels *labels, struct ms_err *err) {
    for (size_t i = 0; labels != NULL && i < labels->count; i++) {
        const struct ms_label *label = &labels->items[i];
        int code = ms_label_check(label->name, strlen(label->name), label->value,
                                  strlen(label->value), err);
        if (code < 0)
            return code;
    }
    return MS_OK;
}

/* Refuses a row whose layer, or an ancestor's, is not on disk any more. */
static int refuse_damaged(struct ms_store *store, const struct ms_row *row, struct ms_err *err) {
    int64_t damaged = 0;
    if (!row->any_damaged)
        return MS_OK;
    int code = ms_meta_damaged(&store->meta, row->number, &row->chain, &damaged, err);
    if (code < 0 || damaged == 0)
        return code;
    ms_auto_free char *ns = NULL;
    ms_auto_free char *key = NULL;
    code = ms_meta_name(&store->meta, damaged, &ns, &key, err);
    if (code < 0)
        return code;
    return ms_err_set(err, MS_DATA_LOSS,
                      "snapshot '%.80s' (layer %lld) is damaged: its directory is gone; `moonsnap "
                      "check --repair` says what can be done",
                      key, (long long)damaged);
}

int ms_store_find_parent(struct ms_store *store, const char *ns, const char *parent,
                         struct ms_row *out, struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    *out = row;
    if (parent == NULL || parent[0] == '\0')
        return MS_OK;
    int code = ms_key_check("parent", parent, strlen(parent), err);
    if (code == MS_OK)
        code = ms_meta_find(&store->meta, ns, parent, &row, err);
    if (code < 0)
        return code == MS_NOT_FOUND
                   ? ms_err_set(err, MS_NOT_FOUND, "parent '%.100s' does not exist", parent)
                   : code;
    if (row.kind != MS_KIND_COMMITTED)
        return ms_err_set(err, MS_INVALID_ARGUMENT,
                          "parent '%.100s' is %s: only a committed snapshot can be a parent",
                          parent, ms_snapshot_kind_name(row.kind));
    code = refuse_damaged(store, &row, err);
    if (code < 0)
        return code;
    *out = row;
    row = (struct ms_row){0};
    return MS_OK;
}

int ms_store_row_mounts(struct ms_store *store, const struct ms_row *row,
                        const struct ms_labels *labels, struct ms_mounts *out, struct ms_err *err) {
    struct ms_mount_plan plan = {
        .root = store->place.root,
        .kind = row->kind,
        .number = row->number,
        .chain = row->chain.numbers,
        .chain_count = row->chain.count,
        .extras = (const char *const *)store->mount_options,
        .extras_count = store->mount_options_count,
        .userxattr = store->user_xattrs,
        .index_off = store->index_off,
    };
    if (labels != NULL) {
        plan.uidmap = ms_labels_find(labels, MS_LABEL_UIDMAP);
        plan.gidmap = ms_labels_find(labels, MS_LABEL_GIDMAP);
    }
    return store->driver->mounts(&plan, out, err);
}

int ms_store_choose_owner(const struct ms_store *store, const struct ms_labels *labels,
                          int64_t parent, struct ms_layer_spec *spec, struct ms_err *err) {
    if (parent != 0) {
        int code = ms_layer_owner(&store->place, parent, &spec->uid, &spec->gid, err);
        if (code < 0)
            return code;
        spec->chown = spec->uid != geteuid() || spec->gid != getegid();
    }
    if (labels == NULL)
        return MS_OK;
    const char *uidmap = ms_labels_find(labels, MS_LABEL_UIDMAP);
    const char *gidmap = ms_labels_find(labels, MS_LABEL_GIDMAP);
    if (uidmap == NULL && gidmap == NULL)
        return MS_OK;
    uint32_t uid = 0;
    uint32_t gid = 0;
    int code = uidmap != NULL ? ms_idmap_root(uidmap, &uid, err) : MS_OK;
    if (code == MS_OK && gidmap != NULL)
        code = ms_idmap_root(gidmap, &gid, err);
    spec->chown = true;
    spec->uid = uid;
    spec->gid = gid;
    return code;
}

/* The directories of a new row. What they need to be undone is noted as soon as they exist. */
static int make_layer(struct ms_store *store, const struct ms_create *create,
                      const struct ms_row *parent, const struct ms_row *row, struct ms_stage *stage,
                      struct ms_err *err) {
    struct ms_layer_spec spec = {.number = row->number, .work = row->kind == MS_KIND_ACTIVE};
    if (!store->driver->has_layer(row->kind, parent->number != 0))
        return ms_layer_clear_way(&store->place, row->number, err);
    int code = ms_undo_reserve(&store->undo, err);
    if (code < 0)
        return code;
    if (stage != NULL) {
        code = ms_layer_publish(&store->place, ms_stage_name(stage), row->number, err);
        if (code == MS_OK)
            ms_undo_add(&store->undo, MS_UNDO_DISCARD, row->number);
    } else {
        code = ms_store_choose_owner(store, create->labels, parent->number, &spec, err);
        if (code == MS_OK)
            ms_undo_add_make(&store->undo, &spec);
        if (code == MS_OK && !store->defers)
            code = ms_store_make_pending(store, err);
    }
    if (code == MS_OK && store->uncovered_since == 0)
        store->uncovered_since = ms_clock_steady_ns();
    return code;
}

int ms_store_make_pending(struct ms_store *store, struct ms_err *err) {
    for (size_t i = store->undo.count; store->undo.unmade > 0 && i > 0; i--) {
        struct ms_undo_entry *entry = &store->undo.entries[i - 1];
        if (entry->step != MS_BEFORE_MAKE && entry->step != MS_BEFORE_MARK)
            continue;
        int code = entry->step == MS_BEFORE_MAKE
                       ? store->driver->create(&store->place, &entry->spec, err)
                       : ms_store_mark(store, entry->number, err);
        if (code < 0 && (code != MS_NOT_FOUND || entry->step == MS_BEFORE_MAKE))
            return code; /* what was removed again needs no marker */
        ms_undo_made(&store->undo, entry);
    }
    return MS_OK;
}

static int record_owner(struct ms_store *store, int64_t number, int64_t pid, struct ms_err *err) {
    struct ms_ident ident;
    int code = ms_ident_of(pid, &ident, err);
    if (code < 0)
        return code;
    struct ms_owner_row owner = {
        .number = number,
        .pid = pid,
        .started = ident.started,
        .pid_namespace = ident.pid_namespace,
        .boot_id = store->boot_id,
    };
    return ms_meta_set_owner(&store->meta, &owner, err);
}

/* The row of a new snapshot with its labels, its parent's use, its owner and its event. */
static int make_row(struct ms_store *store, const char *ns, const struct ms_create *create,
                    const struct ms_row *parent, struct ms_row *row, struct ms_err *err) {
    struct ms_new_row new_row = {
        .ns = ns,
        .key = create->key,
        .kind = row->kind,
        .parent = parent->number,
        .chain = &row->chain,
        .created_ns = ms_clock_now_ns(),
        .labels = create->labels,
        .leased = create->lease != NULL,
    };
    int code = ms_meta_insert(&store->meta, &new_row, &row->number, err);
    if (code == MS_OK && parent->number != 0)
        code = ms_meta_touch(&store->meta, parent->number, new_row.created_ns, err);
    if (code == MS_OK)
        code = ms_store_lease_hold(store, ns, create->lease, create->key, err);
    if (code == MS_OK && create->owner_pid != 0)
        code = record_owner(store, row->number, create->owner_pid, err);
    struct ms_new_event event = {
        .topic = row->kind == MS_KIND_VIEW ? "/moonsnap/view" : "/snapshot/prepare",
        .ns = ns,
        .number = row->number,
        .key = create->key,
        .parent = create->parent,
    };
    return code < 0 ? code : ms_meta_add_event(&store->meta, &event, err);
}

/* Everything inside the transaction. */
static int create_inside(struct ms_store *store, const char *ns, const struct ms_create *create,
                         struct ms_row *row, struct ms_stage *stage, struct ms_err *err) {
    ms_auto_row struct ms_row parent = {0};
    int code = ms_store_find_parent(store, ns, create->parent, &parent, err);
    if (code == MS_OK && stage != NULL && ms_stage_parent(stage)->number != parent.number)
        code = ms_err_set(err, MS_ABORTED, "parent '%.100s' was replaced meanwhile: try again",
                          create->parent);
    if (code == MS_OK && parent.number != 0)
        code = ms_chain_push(&parent.chain, parent.number, &row->chain, err);
    if (code == MS_OK)
        code = make_row(store, ns, create, &parent, row, err);
    if (code == MS_OK)
        code = make_layer(store, create, &parent, row, stage, err);
    return code;
}

int ms_store_fill(struct ms_store *store, const char *ns, const struct ms_create *create, int kind,
                  struct ms_stage **out, struct ms_err *err) {
    bool has_parent = create->parent != NULL && create->parent[0] != '\0';
    bool exists = false;
    struct ms_stage *stage = NULL;
    *out = NULL;
    if (!has_parent || store->driver->fill == NULL || !store->driver->has_layer(kind, true))
        return MS_OK;
    int code = ms_store_stage(store, ns, create->parent, &stage, err);
    if (code == MS_OK)
        code = ms_meta_exists(&store->meta, ns, create->key, &exists, err);
    if (code == MS_OK && exists)
        code = ms_err_set(err, MS_ALREADY_EXISTS, "snapshot '%.100s' already exists", create->key);
    if (code < 0) {
        ms_stage_free(stage);
        return code;
    }
    ms_stage_keep(stage, create->durability != 0 ? create->durability : store->durability);
    *out = stage;
    return MS_OK;
}

/* Where creation is slow it happens first, before any lock is taken. */
static int fill_here(struct ms_store *store, const char *ns, const struct ms_create *create,
                     int kind, struct ms_stage **out, struct ms_err *err) {
    if (create->filled != NULL)
        return MS_OK;
    int code = ms_store_fill(store, ns, create, kind, out, err);
    while (code == MS_OK && *out != NULL && (code = ms_stage_step(*out, 4096, err)) == 1)
        code = MS_OK;
    return code;
}

static int create_snapshot(struct ms_store *store, const char *ns, const struct ms_create *create,
                           int kind, struct ms_mounts *mounts, struct ms_err *err) {
    ms_auto_row struct ms_row row = {.kind = kind};
    ms_auto_mounts struct ms_mounts made = {0};
    struct ms_stage *own = NULL;
    int code = ms_store_enter(store, ns, create->key, err);
    if (code == MS_OK)
        code = ms_store_writable(store, err);
    if (code == MS_OK)
        code = ms_store_check_labels(create->labels, err);
    if (code == MS_OK)
        code = fill_here(store, ns, create, kind, &own, err);
    struct ms_stage *stage = own != NULL ? own : create->filled;
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code == MS_OK) {
        code = create_inside(store, ns, create, &row, stage, err);
        if (code == MS_OK)
            code = ms_store_row_mounts(store, &row, create->labels, &made, err);
        code = ms_store_end(store, code, err);
    }
    if (code == MS_OK && stage != NULL)
        ms_stage_published(stage);
    ms_stage_free(own);
    if (code == MS_ALREADY_EXISTS && create->lease != NULL)
        code = ms_store_lease_hold_existing(store, ns, create->lease, create->key, err);
    if (code < 0)
        return ms_err_wrap(err, "%s '%.60s'", kind == MS_KIND_VIEW ? "view" : "prepare",
                           create->key);
    if (mounts != NULL) {
        *mounts = made;
        made = (struct ms_mounts){0};
    }
    return MS_OK;
}

int ms_store_prepare(struct ms_store *store, const char *ns, const struct ms_create *create,
                     struct ms_mounts *mounts, struct ms_err *err) {
    return create_snapshot(store, ns, create, MS_KIND_ACTIVE, mounts, err);
}

int ms_store_view(struct ms_store *store, const char *ns, const struct ms_create *create,
                  struct ms_mounts *mounts, struct ms_err *err) {
    return create_snapshot(store, ns, create, MS_KIND_VIEW, mounts, err);
}

int ms_store_mounts(struct ms_store *store, const char *ns, const char *key, struct ms_mounts *out,
                    struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    ms_auto_labels struct ms_labels labels = {0};
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = ms_store_writable(store, err);
    if (code == MS_OK)
        code = ms_meta_find_labels(&store->meta, ns, key, &row, &labels, err);
    if (code < 0)
        return code;
    if (row.kind == MS_KIND_COMMITTED)
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "snapshot '%.100s' is committed: it has no mounts, make a view of it",
                          key);
    code = refuse_damaged(store, &row, err);
    return code < 0 ? code : ms_store_row_mounts(store, &row, &labels, out, err);
}

void ms_layers_clear(struct ms_layers *layers) {
    for (size_t i = 0; i < layers->count; i++)
        free(layers->paths[i]);
    free(layers->paths);
    *layers = (struct ms_layers){0};
}

static int add_layer(const struct ms_store *store, int64_t number, struct ms_layers *layers,
                     struct ms_err *err) {
    if (!ms_layer_exists(&store->place, number))
        return ms_err_set(err, MS_DATA_LOSS, "layer %lld is gone", (long long)number);
    char *path = ms_place_layer(&store->place, number);
    if (path == NULL)
        return ms_err_memory(err);
    layers->paths[layers->count++] = path;
    return MS_OK;
}

int ms_store_layers(struct ms_store *store, const char *ns, const char *key, struct ms_layers *out,
                    struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = ms_meta_find(&store->meta, ns, key, &row, err);
    if (code == MS_OK)
        code = refuse_damaged(store, &row, err);
    if (code == MS_OK)
        code = ms_store_make_pending(store, err);
    if (code < 0)
        return code;
    struct ms_layers layers = {.paths = calloc(row.chain.count + 2, sizeof(char *))};
    if (layers.paths == NULL)
        return ms_err_memory(err);
    layers.own =
        row.kind == MS_KIND_COMMITTED || store->driver->has_layer(row.kind, row.parent != 0);
    if (layers.own)
        code = add_layer(store, row.number, &layers, err);
    size_t below = store->driver->stacks ? row.chain.count : (size_t)!layers.own;
    for (size_t i = 0; code == MS_OK && i < below; i++)
        code = add_layer(store, row.chain.numbers[i], &layers, err);
    if (code < 0) {
        ms_layers_clear(&layers);
        return code;
    }
    *out = layers;
    return MS_OK;
}
