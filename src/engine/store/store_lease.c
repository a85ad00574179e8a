#include "engine/store/store_lease.h"

#include <string.h>

#include "base/err.h"
#include "engine/clock.h"
#include "engine/meta/meta_lease.h"
#include "engine/store/store_inside.h"

#define PASSES 8

/* ---- for the verbs on snapshots --------------------------------------------------------------*/

static struct ms_thing thing_of(const struct ms_store *store, const char *ns, const char *key) {
    return (struct ms_thing){.ns = ns, .type = store->driver->resource, .id = key};
}

int ms_store_lease_hold(struct ms_store *store, const char *ns, const char *lease, const char *key,
                        struct ms_err *err) {
    struct ms_thing thing = thing_of(store, ns, key);
    return lease == NULL ? MS_OK : ms_meta_hold(&store->meta, lease, &thing, err);
}

int ms_store_lease_hold_existing(struct ms_store *store, const char *ns, const char *lease,
                                 const char *key, struct ms_err *err) {
    struct ms_err found = *err; /* already_exists, which stays the answer */
    int code = ms_store_begin(store, err);
    if (code < 0)
        return code;
    code = ms_store_lease_hold(store, ns, lease, key, err);
    code = ms_store_end(store, code, err);
    if (code < 0)
        return code;
    *err = found;
    return err->kind;
}

int ms_store_lease_move(struct ms_store *store, const char *ns, const char *key, const char *to,
                        struct ms_err *err) {
    struct ms_thing thing = thing_of(store, ns, key);
    return ms_meta_rename_held(&store->meta, &thing, to, err);
}

int ms_store_lease_let_go(struct ms_store *store, const char *ns, const char *key,
                          struct ms_err *err) {
    struct ms_thing thing = thing_of(store, ns, key);
    return ms_meta_let_go(&store->meta, NULL, &thing, err);
}

/* ---- leases ----------------------------------------------------------------------------------*/

/* What every verb asks first; id may be NULL. */
static int enter(struct ms_store *store, const char *ns, const char *id, struct ms_err *err) {
    int code = ms_store_enter(store, ns, NULL, err);
    return code < 0 || id == NULL ? code : ms_key_check("lease", id, strlen(id), err);
}

/* data is {"action":"create"} and its like; key is the lease's id. */
static int add_event(struct ms_store *store, const char *ns, const char *id, const char *data,
                     struct ms_err *err) {
    struct ms_new_event event = {.topic = "/moonsnap/lease", .ns = ns, .key = id, .data = data};
    return ms_meta_add_event(&store->meta, &event, err);
}

/* The lease that a request describes; its labels are a copy, the rest is borrowed. */
static int describe(const struct ms_store *store, const struct ms_lease_request *request,
                    struct ms_record *out, struct ms_err *err) {
    size_t count = request->labels != NULL ? request->labels->count : 0;
    int code = MS_OK;
    for (size_t i = 0; code == MS_OK && i < count; i++)
        code = ms_labels_set(&out->labels, request->labels->items[i].name,
                             request->labels->items[i].value, err);
    if (code == MS_OK && request->ttl_s != 0)
        code = ms_lease_set_ttl(&out->labels, out->created_ns, request->ttl_s, err);
    if (code == MS_OK && request->pid != 0)
        code = ms_ident_of(request->pid, &out->process, err);
    out->id = (char *)request->id;
    out->ttl_s = request->ttl_s;
    out->boot_id = store->boot_id;
    return code;
}

int ms_store_lease_create(struct ms_store *store, const char *ns,
                          const struct ms_lease_request *request, struct ms_record *out,
                          struct ms_err *err) {
    ms_auto_records struct ms_records made = {0};
    struct ms_record lease = {.created_ns = ms_clock_now_ns()};
    int code = enter(store, ns, request->id, err);
    if (code == MS_OK)
        code = ms_store_check_labels(request->labels, err);
    if (code == MS_OK)
        code = describe(store, request, &lease, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code == MS_OK) {
        code = ms_meta_add_lease(&store->meta, ns, &lease, err);
        if (code == MS_OK)
            code = add_event(store, ns, request->id, "{\"action\":\"create\"}", err);
        if (code == MS_OK)
            code = ms_meta_leases(&store->meta, ns, request->id, &made, err);
        code = ms_store_end(store, code, err);
    }
    ms_labels_clear(&lease.labels);
    if (code == MS_OK)
        ms_records_take(&made, out);
    return code;
}

enum ms_lease_end ms_store_lease_ended(const struct ms_store *store,
                                       const struct ms_record *lease) {
    return ms_lease_ended(lease, ms_clock_now_ns(), store->boot_id);
}

static int renew_inside(struct ms_store *store, const char *ns, int64_t ttl_s,
                        struct ms_record *lease, struct ms_err *err) {
    int64_t now_ns = ms_clock_now_ns();
    enum ms_lease_end end = ms_lease_ended(lease, now_ns, store->boot_id);
    if (end != MS_LEASE_LIVES)
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "it has ended (%s), and what it held may be gone: create another one",
                          ms_lease_end_name(end));
    if (ttl_s != 0)
        lease->ttl_s = ttl_s;
    if (lease->ttl_s == 0)
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "it was made without a time to live: say how long it shall live");
    int code = ms_lease_set_ttl(&lease->labels, now_ns, lease->ttl_s, err);
    if (code == MS_OK)
        code = ms_meta_renew_lease(&store->meta, ns, lease, err);
    return code < 0 ? code : add_event(store, ns, lease->id, "{\"action\":\"renew\"}", err);
}

int ms_store_lease_renew(struct ms_store *store, const char *ns, const char *id, int64_t ttl_s,
                         struct ms_record *out, struct ms_err *err) {
    ms_auto_records struct ms_records found = {0};
    int code = enter(store, ns, id, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code == MS_OK) {
        code = ms_meta_leases(&store->meta, ns, id, &found, err);
        if (code == MS_OK)
            code = renew_inside(store, ns, ttl_s, &found.items[0], err);
        code = ms_store_end(store, code, err);
    }
    if (code < 0)
        return ms_err_wrap(err, "renew lease '%.60s'", id);
    ms_records_take(&found, out);
    return MS_OK;
}

int ms_store_refuse_leased(struct ms_store *store, const char *ns, const char *key, bool *held,
                           struct ms_err *err) {
    ms_auto_records struct ms_records holders = {0};
    struct ms_thing thing = thing_of(store, ns, key);
    int code = ms_meta_holders(&store->meta, &thing, &holders, err);
    for (size_t i = 0; code == MS_OK && i < holders.count; i++) {
        if (ms_store_lease_ended(store, &holders.items[i]) == MS_LEASE_LIVES)
            code = ms_err_set(err, MS_FAILED_PRECONDITION, "held by lease '%.100s'",
                              holders.items[i].id);
    }
    *held = holders.count != 0;
    return code;
}

/* Does anything but the snapshots below it keep a snapshot? */
static int is_kept(struct ms_store *store, const char *ns, const char *key, bool *out,
                   struct ms_err *err) {
    ms_auto_records struct ms_records holders = {0};
    struct ms_thing thing = thing_of(store, ns, key);
    int code = ms_meta_kept(&store->meta, ns, key, out, err);
    if (code < 0 || *out)
        return code;
    code = ms_meta_holders(&store->meta, &thing, &holders, err);
    for (size_t i = 0; code == MS_OK && i < holders.count; i++)
        *out = *out || ms_store_lease_ended(store, &holders.items[i]) == MS_LEASE_LIVES;
    return code;
}

/* Removes one snapshot unless something keeps it: 1 when it is gone. */
static int remove_one(struct ms_store *store, const char *ns, const char *key, struct ms_err *err) {
    bool exists = false;
    bool kept = false;
    int code = ms_meta_exists(&store->meta, ns, key, &exists, err);
    if (code == MS_OK && exists)
        code = is_kept(store, ns, key, &kept, err);
    if (code < 0 || !exists || kept)
        return code;
    code = ms_store_remove(store, ns, key, true, err);
    if (code == MS_FAILED_PRECONDITION) /* it has a child that stays, or is mounted */
        return MS_OK;
    return code < 0 ? code : 1;
}

/* Removes what can go, and again what that lets go of. Children come first, so only references by
 * labels ask for that; in either direction, as nobody knows which way they point. What is more
 * tangled than PASSES can part stays. */
static int remove_all(struct ms_store *store, const char *ns, const struct ms_names *keys,
                      struct ms_names *removed, struct ms_err *err) {
    size_t before = SIZE_MAX;
    for (int pass = 0; pass < PASSES && removed->count != before; pass++) {
        before = removed->count;
        for (size_t i = 0; i < keys->count; i++) {
            const char *key = keys->items[pass % 2 == 0 ? i : keys->count - 1 - i];
            int code = remove_one(store, ns, key, err);
            if (code == 1)
                code = ms_names_add(removed, key, err);
            if (code < 0)
                return code;
        }
        if (removed->count == keys->count)
            break;
    }
    return MS_OK;
}

static int refuse_any_written(struct ms_store *store, const char *ns, const struct ms_names *keys,
                              struct ms_err *err) {
    for (size_t i = 0; i < keys->count; i++) {
        ms_auto_row struct ms_row row = {0};
        int code = ms_meta_find(&store->meta, ns, keys->items[i], &row, err);
        if (code == MS_NOT_FOUND)
            continue;
        if (code == MS_OK && row.kind == MS_KIND_ACTIVE)
            code = ms_store_refuse_written(store, row.number, err);
        if (code < 0)
            return ms_err_wrap(err, "'%.60s'", keys->items[i]);
    }
    return MS_OK;
}

int ms_store_lease_delete(struct ms_store *store, const char *ns, const char *id, bool by_itself,
                          struct ms_names *removed, struct ms_err *err) {
    ms_auto_names struct ms_names made = {0};
    ms_auto_names struct ms_names gone = {0};
    int code = enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code < 0)
        return code;
    code = ms_meta_lease_made(&store->meta, ns, id, store->driver->resource, &made, err);
    if (code == MS_OK && by_itself)
        code = refuse_any_written(store, ns, &made, err);
    if (code == MS_OK)
        code = ms_meta_drop_lease(&store->meta, ns, id, err);
    if (code == MS_OK)
        code = add_event(store, ns, id, "{\"action\":\"delete\"}", err);
    if (code == MS_OK)
        code = remove_all(store, ns, &made, &gone, err);
    code = ms_store_end(store, code, err);
    if (code < 0)
        return code;
    if (removed != NULL) {
        *removed = gone;
        gone = (struct ms_names){0};
    }
    return MS_OK;
}

int ms_store_leases(struct ms_store *store, const char *ns, struct ms_records *out,
                    struct ms_err *err) {
    ms_auto_records struct ms_records leases = {0};
    int code = enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = ms_meta_leases(&store->meta, ns, NULL, &leases, err);
    if (code < 0)
        return code;
    *out = leases;
    leases = (struct ms_records){0};
    return MS_OK;
}

static int change(struct ms_store *store, const char *ns, const char *id,
                  const struct ms_resource *resource, bool add, struct ms_err *err) {
    ms_auto_records struct ms_records found = {0};
    struct ms_thing thing = {.ns = ns, .type = resource->type, .id = resource->id};
    int code = enter(store, ns, NULL, err);
    if (code == MS_OK && add)
        code = ms_key_check("resource", thing.id, strlen(thing.id), err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code < 0)
        return code;
    code = ms_meta_leases(&store->meta, ns, id, &found, err);
    if (code == MS_OK)
        code = add ? ms_meta_hold(&store->meta, id, &thing, err)
                   : ms_meta_let_go(&store->meta, id, &thing, err);
    return ms_store_end(store, code, err);
}

int ms_store_lease_add(struct ms_store *store, const char *ns, const char *id,
                       const struct ms_resource *resource, struct ms_err *err) {
    return change(store, ns, id, resource, true, err);
}

int ms_store_lease_drop(struct ms_store *store, const char *ns, const char *id,
                        const struct ms_resource *resource, struct ms_err *err) {
    return change(store, ns, id, resource, false, err);
}

int ms_store_lease_resources(struct ms_store *store, const char *ns, const char *id,
                             struct ms_resources *out, struct ms_err *err) {
    ms_auto_records struct ms_records found = {0};
    ms_auto_resources struct ms_resources held = {0};
    int code = enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = ms_meta_leases(&store->meta, ns, id, &found, err);
    if (code == MS_OK)
        code = ms_meta_held(&store->meta, ns, id, &held, err);
    if (code < 0)
        return code;
    *out = held;
    held = (struct ms_resources){0};
    return MS_OK;
}
