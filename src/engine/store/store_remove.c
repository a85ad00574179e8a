#include "base/err.h"
#include "engine/store/reserve.h"
#include "engine/store/store_inside.h"

/* Whether something keeps a snapshot from being removed: failed_precondition says what. */
static int refuse_kept(struct ms_store *store, const struct ms_row *row, struct ms_err *err) {
    bool children = false;
    int code = ms_meta_has_children(&store->meta, row->number, &children, err);
    if (code < 0)
        return code;
    if (children)
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "cannot remove a snapshot that has children: remove them first");
    code = ms_store_refuse_pinned(store, row->number, "remove", err);
    return code < 0 ? code : ms_store_refuse_mounted(store, row->number, "remove", err);
}

/* The row of what no lease holds any more. */
static int remove_row(struct ms_store *store, const char *ns, const char *key, int64_t number,
                      struct ms_err *err) {
    const struct ms_new_event event = {
        .topic = "/snapshot/remove", .ns = ns, .number = number, .key = key};
    int code = ms_meta_add_event(&store->meta, &event, err); /* it tells the labels: first */
    if (code == MS_OK)
        code = ms_meta_delete(&store->meta, number, err);
    if (code == MS_OK)
        code = ms_undo_reserve(&store->undo, err);
    if (code == MS_OK)
        ms_undo_add(&store->undo, MS_AFTER_TRASH, number);
    return code;
}

static int remove_inside(struct ms_store *store, const char *ns, const char *key, int64_t *number,
                         struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    int code = ms_meta_find(&store->meta, ns, key, &row, err);
    if (code == MS_OK)
        code = refuse_kept(store, &row, err);
    if (code == MS_OK)
        code = ms_store_lease_let_go(store, ns, key, err);
    if (code < 0)
        return code;
    *number = row.number;
    return remove_row(store, ns, key, row.number, err);
}

static int remove_once(struct ms_store *store, const char *ns, const char *key, int64_t *number,
                       struct ms_err *err) {
    int code = ms_store_begin(store, err);
    if (code < 0)
        return code;
    return ms_store_end(store, remove_inside(store, ns, key, number, err), err);
}

int ms_store_remove(struct ms_store *store, const char *ns, const char *key, bool later,
                    struct ms_err *err) {
    int64_t number = 0;
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = remove_once(store, ns, key, &number, err);
    if (code == MS_RESOURCE_EXHAUSTED && ms_store_depth(store) == 0 &&
        ms_reserve_spend(&store->place))
        code = remove_once(store, ns, key, &number, err);
    if (code < 0)
        return ms_err_wrap(err, "remove '%.60s'", key);
    if (later || ms_store_depth(store) > 0)
        return MS_OK;
    /* the row is gone, which is the answer; what cannot be freed now stays in trash for cleanup */
    struct ms_err ignored;
    (void)ms_store_sweep(store, number, &ignored);
    return MS_OK;
}

bool ms_store_spend_reserve(struct ms_store *store) { return ms_reserve_spend(&store->place); }

/* ---- of what was looked at before ------------------------------------------------------------*/

static int refuse_changed(const struct ms_row *row, const struct ms_seen *seen,
                          struct ms_err *err) {
    if (row->number != seen->number)
        return ms_err_set(err, MS_ABORTED, "another snapshot has its name by now");
    if (row->used_ns != seen->used_ns || row->use_count != seen->use_count)
        return ms_err_set(err, MS_ABORTED, "used since it was looked at");
    if (row->updated_ns != seen->updated_ns)
        return ms_err_set(err, MS_ABORTED, "changed since it was looked at");
    return MS_OK;
}

static int evict_inside(struct ms_store *store, const char *ns, const char *key,
                        const struct ms_seen *seen, bool look, struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    bool held = false; /* by leases that have ended */
    int code = ms_meta_find(&store->meta, ns, key, &row, err);
    if (code == MS_OK)
        code = refuse_changed(&row, seen, err);
    if (code == MS_OK)
        code = refuse_kept(store, &row, err);
    if (code == MS_OK)
        code = ms_store_refuse_leased(store, ns, key, &held, err);
    if (code == MS_OK && row.kind == MS_KIND_ACTIVE)
        code = ms_store_refuse_written(store, row.number, err);
    if (code < 0 || look)
        return code;
    if (held)
        code = ms_store_lease_let_go(store, ns, key, err);
    return code < 0 ? code : remove_row(store, ns, key, row.number, err);
}

int ms_store_evict(struct ms_store *store, const char *ns, const char *key,
                   const struct ms_seen *seen, bool look, struct ms_err *err) {
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code < 0)
        return code;
    return ms_store_end(store, evict_inside(store, ns, key, seen, look, err), err);
}
