#include "base/err.h"
#include "engine/store/store_inside.h"

static int remove_inside(struct ms_store *store, const char *ns, const char *key, int64_t *number,
                         struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    bool children = false;
    int code = ms_meta_find(&store->meta, ns, key, &row, err);
    if (code == MS_OK)
        code = ms_meta_has_children(&store->meta, row.number, &children, err);
    if (code < 0)
        return code;
    if (children)
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "cannot remove a snapshot that has children: remove them first");
    code = ms_store_refuse_pinned(store, row.number, "remove", err);
    if (code == MS_OK)
        code = ms_store_refuse_mounted(store, row.number, "remove", err);
    if (code == MS_OK)
        code = ms_store_lease_let_go(store, ns, key, err);
    const struct ms_new_event event = {
        .topic = "/snapshot/remove", .ns = ns, .number = row.number, .key = key};
    if (code == MS_OK) /* it tells the labels, so it goes first */
        code = ms_meta_add_event(&store->meta, &event, err);
    if (code == MS_OK)
        code = ms_meta_delete(&store->meta, row.number, err);
    if (code == MS_OK)
        code = ms_undo_reserve(&store->undo, err);
    if (code == MS_OK)
        ms_undo_add(&store->undo, MS_AFTER_TRASH, row.number);
    *number = row.number;
    return code;
}

int ms_store_remove(struct ms_store *store, const char *ns, const char *key, bool later,
                    struct ms_err *err) {
    int64_t number = 0;
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code == MS_OK) {
        code = remove_inside(store, ns, key, &number, err);
        code = ms_store_end(store, code, err);
    }
    if (code < 0)
        return ms_err_wrap(err, "remove '%.60s'", key);
    if (later || ms_store_depth(store) > 0)
        return MS_OK;
    /* the row is gone, which is the answer; what cannot be freed now stays in trash for cleanup */
    struct ms_err ignored;
    (void)ms_store_sweep(store, number, &ignored);
    return MS_OK;
}
