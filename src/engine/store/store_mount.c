#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/own.h"
#include "engine/clock.h"
#include "engine/mount/attach.h"
#include "engine/store/store_inside.h"

/* Whether an overlay writes to the layer of number, asked of the kernel, which knows every mount
 * namespace. Only an active with parents is the upper of an overlay: others stay unknown. */
int ms_store_ask_kernel(struct ms_store *store, int64_t number, bool *in_use, bool *known,
                        struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    ms_auto_free char *ns = NULL;
    ms_auto_free char *key = NULL;
    ms_auto_free char *upper = NULL;
    *known = false;
    int code = ms_meta_name(&store->meta, number, &ns, &key, err);
    if (code == MS_OK)
        code = ms_meta_find(&store->meta, ns, key, &row, err);
    if (code < 0 || !store->driver->stacks || row.kind != MS_KIND_ACTIVE || row.chain.count == 0)
        return code;
    upper = ms_place_layer(&store->place, number);
    if (upper == NULL)
        return ms_err_memory(err);
    return ms_upper_in_use(upper, in_use, known, err);
}

int ms_store_mount_alive(struct ms_store *store, const struct ms_mount_row *row, bool *alive,
                         struct ms_err *err) {
    bool known = true;
    *alive = false;
    if (strcmp(row->boot_id, store->boot_id) != 0)
        return MS_OK;
    if (row->mount_namespace == ms_mount_namespace())
        return ms_attached_here(row->target, row->mount_id, alive, err);
    int code = ms_attached_in(row->mount_namespace, row->target, row->mount_id, alive, &known, err);
    if (code == MS_OK && !known && !row->readonly)
        code = ms_store_ask_kernel(store, row->number, alive, &known, err);
    if (code == MS_OK && !known)
        *alive = true;
    return code;
}

int ms_store_refuse_mounted(struct ms_store *store, int64_t number, const char *doing,
                            struct ms_err *err) {
    ms_auto_mount_row struct ms_mount_row row = {0};
    int64_t after = 0;
    int code;
    while ((code = ms_meta_next_mount(&store->meta, number, after, &row, err)) == 1) {
        bool alive = false;
        after = row.rowid;
        code = ms_store_mount_alive(store, &row, &alive, err);
        if (code == MS_OK && alive)
            code = ms_err_set(err, MS_FAILED_PRECONDITION,
                              "cannot %s a snapshot that is mounted (on %.80s by process %lld): "
                              "unmount it first",
                              doing, row.target, (long long)row.pid);
        if (code == MS_OK && ms_store_depth(store) > 0)
            code = ms_meta_drop_mount(&store->meta, row.rowid, err);
        if (code < 0)
            return code;
        ms_mount_row_clear(&row);
    }
    return code;
}

int ms_store_refuse_written(struct ms_store *store, int64_t number, struct ms_err *err) {
    bool in_use = false;
    bool known = false;
    int code = ms_store_ask_kernel(store, number, &in_use, &known, err);
    if (code == MS_OK && known && in_use)
        return ms_err_set(err, MS_FAILED_PRECONDITION, "an overlay writes to it");
    return code;
}

/* A second writable mount of one layer would corrupt it, whoever made the first. */
static int refuse_second_writer(struct ms_store *store, const struct ms_row *row,
                                struct ms_err *err) {
    ms_auto_mount_row struct ms_mount_row mount = {0};
    int64_t after = 0;
    bool in_use = false;
    bool known = false;
    int code;
    while ((code = ms_meta_next_mount(&store->meta, row->number, after, &mount, err)) == 1) {
        bool alive = false;
        after = mount.rowid;
        if (!mount.readonly)
            code = ms_store_mount_alive(store, &mount, &alive, err);
        if (code >= 0 && alive)
            return ms_err_set(err, MS_FAILED_PRECONDITION,
                              "it is mounted writable already, on %.80s by process %lld",
                              mount.target, (long long)mount.pid);
        if (code < 0)
            return code;
        ms_mount_row_clear(&mount);
    }
    if (code == MS_OK)
        code = ms_store_ask_kernel(store, row->number, &in_use, &known, err);
    if (code == MS_OK && known && in_use)
        code = ms_err_set(err, MS_FAILED_PRECONDITION,
                          "another overlay writes to its layer already, in some mount namespace");
    return code;
}

int ms_store_find_mounts(struct ms_store *store, const char *ns,
                         const struct ms_mount_request *request, struct ms_row *row,
                         struct ms_mounts *mounts, struct ms_err *err) {
    int code = ms_meta_find(&store->meta, ns, request->key, row, err);
    if (code == MS_OK)
        code = ms_store_mounts(store, ns, request->key, mounts, err);
    if (code == MS_OK && row->kind == MS_KIND_ACTIVE && !request->readonly)
        code = refuse_second_writer(store, row, err);
    return code;
}

/* Tells of a mount, or of its end. */
static int tell(struct ms_store *store, const char *topic, const char *target,
                const struct ms_mount_row *mount, struct ms_err *err) {
    ms_auto_free char *ns = NULL;
    ms_auto_free char *key = NULL;
    ms_auto_text struct ms_text data = {0};
    ms_text_puts(&data, "{\"target\":");
    ms_json_string(&data, target, strlen(target));
    ms_text_puts(&data, mount->readonly ? ",\"readonly\":true}" : ",\"readonly\":false}");
    int code = ms_text_check(&data, err);
    if (code == MS_OK)
        code = ms_meta_name(&store->meta, mount->number, &ns, &key, err);
    const struct ms_new_event event = {
        .topic = topic, .ns = ns, .number = mount->number, .key = key, .data = data.bytes};
    return code < 0 ? code : ms_meta_add_event(&store->meta, &event, err);
}

static int mount_inside(struct ms_store *store, const char *ns,
                        const struct ms_mount_request *request, char *target, bool *attached,
                        struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    ms_auto_mounts struct ms_mounts mounts = {0};
    struct ms_mount_row record = {.target = target, .boot_id = store->boot_id, .pid = getpid()};
    int code = ms_store_find_mounts(store, ns, request, &row, &mounts, err);
    if (code == MS_OK)
        code = ms_attach(&mounts, target, request->readonly || row.kind == MS_KIND_VIEW,
                         &record.mount_id, err);
    if (code < 0)
        return code;
    *attached = true;
    record.number = row.number;
    record.mount_namespace = ms_mount_namespace();
    record.readonly = request->readonly || row.kind == MS_KIND_VIEW;
    code = ms_meta_add_mount(&store->meta, &record, err);
    if (code == MS_OK)
        code = ms_meta_touch(&store->meta, row.number, ms_clock_now_ns(), err);
    return code < 0 ? code : tell(store, "/moonsnap/mount", target, &record, err);
}

int ms_store_mount(struct ms_store *store, const char *ns, const struct ms_mount_request *request,
                   struct ms_err *err) {
    ms_auto_free char *target = NULL;
    bool attached = false;
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = ms_store_writable(store, err);
    if (code == MS_OK && ms_store_depth(store) > 0)
        code = ms_err_set(err, MS_FAILED_PRECONDITION,
                          "a mount cannot be rolled back: mount outside the transaction");
    if (code == MS_OK) {
        target = realpath(request->target, NULL);
        if (target == NULL)
            code = ms_err_sys(err, errno, "find the target %.80s", request->target);
    }
    if (code == MS_OK)
        code = ms_store_begin_passing(store, err);
    if (code == MS_OK && target != NULL) {
        code = mount_inside(store, ns, request, target, &attached, err);
        code = ms_store_end_passing(store, code, err);
    }
    if (code == MS_OK)
        return MS_OK;
    struct ms_err ignored;
    if (attached)
        (void)ms_detach(target, true, &ignored);
    return ms_err_wrap(err, "mount '%.60s'", request->key);
}

/* The newest record of target in this mount namespace; 1, or 0 when there is none. */
static int find_record(struct ms_store *store, const char *target, struct ms_mount_row *out,
                       struct ms_err *err) {
    ms_auto_mount_row struct ms_mount_row row = {0};
    int64_t after = 0;
    int found = 0;
    int code;
    while ((code = ms_meta_next_mount(&store->meta, 0, after, &row, err)) == 1) {
        after = row.rowid;
        if (strcmp(row.target, target) == 0 && strcmp(row.boot_id, store->boot_id) == 0 &&
            row.mount_namespace == ms_mount_namespace()) {
            ms_mount_row_clear(out);
            *out = row;
            row = (struct ms_mount_row){0};
            found = 1;
        }
        ms_mount_row_clear(&row);
    }
    return code < 0 ? code : found;
}

static int unmount_inside(struct ms_store *store, const char *target, bool lazy,
                          struct ms_err *err) {
    ms_auto_mount_row struct ms_mount_row record = {0};
    int code = find_record(store, target, &record, err);
    if (code == 0)
        return ms_err_set(err, MS_NOT_FOUND, "this store has mounted nothing there");
    if (code > 0)
        code = ms_detach(target, lazy, err);
    if (code == MS_OK || code == MS_NOT_FOUND) /* somebody else unmounted it: the same to us */
        code = ms_meta_drop_mount(&store->meta, record.rowid, err);
    return code < 0 ? code : tell(store, "/moonsnap/unmount", target, &record, err);
}

int ms_store_unmount(struct ms_store *store, const char *target, bool lazy, struct ms_err *err) {
    ms_auto_free char *real = NULL;
    int code = ms_store_enter(store, NULL, NULL, err);
    if (code == MS_OK)
        real = realpath(target, NULL);
    if (code == MS_OK && real == NULL)
        code = ms_err_sys(err, errno, "find the target");
    if (code == MS_OK)
        code = ms_store_begin_passing(store, err);
    if (code == MS_OK && real != NULL) {
        code = unmount_inside(store, real, lazy, err);
        code = ms_store_end_passing(store, code, err);
    }
    return code < 0 ? ms_err_wrap(err, "unmount %.80s", target) : MS_OK;
}

void ms_mounted_list_clear(struct ms_mounted_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].ns);
        free(list->items[i].key);
        free(list->items[i].target);
    }
    free(list->items);
    *list = (struct ms_mounted_list){0};
}

static int add_mounted(struct ms_store *store, struct ms_mount_row *row,
                       struct ms_mounted_list *list, struct ms_err *err) {
    struct ms_mounted *items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (items == NULL)
        return ms_err_memory(err);
    list->items = items;
    struct ms_mounted *item = &items[list->count];
    *item = (struct ms_mounted){
        .pid = row->pid,
        .here = row->mount_namespace == ms_mount_namespace(),
        .readonly = row->readonly,
    };
    int code = ms_meta_name(&store->meta, row->number, &item->ns, &item->key, err);
    if (code < 0)
        return code;
    item->target = ms_take_ptr(&row->target);
    list->count++;
    return MS_OK;
}

int ms_store_mounted(struct ms_store *store, struct ms_mounted_list *out, struct ms_err *err) {
    ms_auto_mount_row struct ms_mount_row row = {0};
    struct ms_mounted_list list = {0};
    int64_t after = 0;
    int code = ms_store_enter(store, NULL, NULL, err);
    while (code >= 0 && (code = ms_meta_next_mount(&store->meta, 0, after, &row, err)) == 1) {
        bool alive = false;
        after = row.rowid;
        code = ms_store_mount_alive(store, &row, &alive, err);
        if (code == MS_OK && alive)
            code = add_mounted(store, &row, &list, err);
        if (code == MS_NOT_FOUND) /* unmounted and removed meanwhile */
            code = MS_OK;
        ms_mount_row_clear(&row);
    }
    if (code < 0) {
        ms_mounted_list_clear(&list);
        return code;
    }
    *out = list;
    return MS_OK;
}
