/* The verbs on leases and namespaces. */
#include "base/err.h"
#include "bind/args.h"
#include "bind/failure.h"
#include "bind/push.h"
#include "bind/store.h"
#include "engine/store/store_lease.h"

static void clear_record(void *record) { ms_record_clear(record); }

static void clear_records(void *records) { ms_records_clear(records); }

static void clear_resources(void *resources) { ms_resources_clear(resources); }

static void clear_names(void *names) { ms_names_clear(names); }

/* {id= or name=, created=, labels=}, of a lease ttl= and pid= too where it has them */
static void push_record(lua_State *L, const char *id, const struct ms_record *record) {
    luaL_checkstack(L, 4, NULL);
    lua_createtable(L, 0, 6);
    if (record->ttl_s != 0)
        ms_set_integer(L, "ttl", record->ttl_s);
    if (record->process.pid != 0)
        ms_set_integer(L, "pid", record->process.pid);
    ms_set_string(L, id, record->id);
    ms_set_integer(L, "created", record->created_ns);
    lua_createtable(L, 0, (int)record->labels.count);
    for (size_t i = 0; i < record->labels.count; i++)
        ms_set_string(L, record->labels.items[i].name, record->labels.items[i].value);
    lua_setfield(L, -2, "labels");
}

static void push_records(lua_State *L, const char *id, const struct ms_records *records) {
    lua_createtable(L, (int)records->count, 0);
    for (size_t i = 0; i < records->count; i++) {
        push_record(L, id, &records->items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* The namespace at 2 and the lease at 3. */
static int lease_place(lua_State *L, struct ms_arg_place *out, struct ms_err *err) {
    out->ns = ms_arg_key(L, 2, "namespace", err);
    if (out->ns == NULL)
        return err->kind;
    out->key = ms_arg_key(L, 3, "lease", err);
    return out->key == NULL ? err->kind : 0;
}

/* ---- leases ----------------------------------------------------------------------------------*/

/* The same, and ended= "expired" or "dead" for what holds nothing any more. */
static void push_lease(lua_State *L, const struct ms_store *store, const struct ms_record *lease) {
    enum ms_lease_end end = ms_store_lease_ended(store, lease);
    push_record(L, "id", lease);
    if (end != MS_LEASE_LIVES)
        ms_set_string(L, "ended", ms_lease_end_name(end));
}

/* lease_create(ns, id, labels, ttl, pid) -> lease */
static int lease_create(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place = {0};
    struct ms_labels *labels = NULL;
    struct ms_lease_request request = {0};
    lua_settop(L, 6);
    struct ms_store *store = ms_store_check_arg(L);
    request.ttl_s = luaL_optinteger(L, 5, 0);
    request.pid = luaL_optinteger(L, 6, 0);
    struct ms_record *made = ms_scratch_new(L, sizeof *made, clear_record);
    if (lease_place(L, &place, &err) < 0 || ms_arg_labels(L, 4, &labels, &err) < 0)
        return ms_failure(L, &err);
    request.id = place.key;
    request.labels = labels;
    if (ms_store_lease_create(store, place.ns, &request, made, &err) < 0)
        return ms_failure(L, &err);
    push_lease(L, store, made);
    return 1;
}

/* lease_renew(ns, id, ttl) -> lease */
static int lease_renew(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place = {0};
    lua_settop(L, 4);
    struct ms_store *store = ms_store_check_arg(L);
    int64_t ttl_s = luaL_optinteger(L, 4, 0);
    struct ms_record *renewed = ms_scratch_new(L, sizeof *renewed, clear_record);
    if (lease_place(L, &place, &err) < 0 ||
        ms_store_lease_renew(store, place.ns, place.key, ttl_s, renewed, &err) < 0)
        return ms_failure(L, &err);
    push_lease(L, store, renewed);
    return 1;
}

/* lease_delete(ns, id, by_itself) -> keys of the snapshots that went with it */
static int lease_delete(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place = {0};
    lua_settop(L, 4);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_names *removed = ms_scratch_new(L, sizeof *removed, clear_names);
    if (lease_place(L, &place, &err) < 0 ||
        ms_store_lease_delete(store, place.ns, place.key, lua_toboolean(L, 4), removed, &err) < 0)
        return ms_failure(L, &err);
    ms_push_strings(L, removed->items, removed->count);
    return 1;
}

/* leases(ns) -> list of leases */
static int leases(lua_State *L) {
    struct ms_err err;
    lua_settop(L, 2);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_records *found = ms_scratch_new(L, sizeof *found, clear_records);
    const char *ns = ms_arg_key(L, 2, "namespace", &err);
    if (ns == NULL || ms_store_leases(store, ns, found, &err) < 0)
        return ms_failure(L, &err);
    lua_createtable(L, (int)found->count, 0);
    for (size_t i = 0; i < found->count; i++) {
        push_lease(L, store, &found->items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

typedef int change_verb(struct ms_store *store, const char *ns, const char *id,
                        const struct ms_resource *resource, struct ms_err *err);

/* lease_add(ns, lease, type, id) -> true; lease_drop the same */
static int change(lua_State *L, change_verb *verb) {
    struct ms_err err;
    struct ms_arg_place place = {0};
    lua_settop(L, 5);
    struct ms_store *store = ms_store_check_arg(L);
    if (lease_place(L, &place, &err) < 0)
        return ms_failure(L, &err);
    const char *type = ms_arg_key(L, 4, "resource type", &err);
    if (type == NULL)
        return ms_failure(L, &err);
    const char *id = ms_arg_key(L, 5, "resource", &err);
    if (id == NULL)
        return ms_failure(L, &err);
    const struct ms_resource resource = {.type = (char *)type, .id = (char *)id}; /* only read */
    return ms_answer(L, verb(store, place.ns, place.key, &resource, &err), &err);
}

static int lease_add(lua_State *L) { return change(L, ms_store_lease_add); }

static int lease_drop(lua_State *L) { return change(L, ms_store_lease_drop); }

/* lease_resources(ns, id) -> list of {type=, id=} */
static int lease_resources(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place = {0};
    lua_settop(L, 3);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_resources *held = ms_scratch_new(L, sizeof *held, clear_resources);
    if (lease_place(L, &place, &err) < 0 ||
        ms_store_lease_resources(store, place.ns, place.key, held, &err) < 0)
        return ms_failure(L, &err);
    lua_createtable(L, (int)held->count, 0);
    for (size_t i = 0; i < held->count; i++) {
        lua_createtable(L, 0, 2);
        ms_set_string(L, "type", held->items[i].type);
        ms_set_string(L, "id", held->items[i].id);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* ---- namespaces ------------------------------------------------------------------------------*/

/* namespace_records() -> list of {name=, created=, labels=} */
static int namespace_records(lua_State *L) {
    struct ms_err err;
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_records *found = ms_scratch_new(L, sizeof *found, clear_records);
    if (ms_store_namespace_records(store, found, &err) < 0)
        return ms_failure(L, &err);
    push_records(L, "name", found);
    return 1;
}

/* namespace_get(name) -> record */
static int namespace_get(lua_State *L) {
    struct ms_err err;
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_record *found = ms_scratch_new(L, sizeof *found, clear_record);
    const char *name = ms_arg_key(L, 2, "namespace", &err);
    if (name == NULL || ms_store_namespace_get(store, name, found, &err) < 0)
        return ms_failure(L, &err);
    push_record(L, "name", found);
    return 1;
}

/* namespace_create(name, labels) -> record */
static int namespace_create(lua_State *L) {
    struct ms_err err;
    struct ms_labels *labels = NULL;
    lua_settop(L, 3);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_record *made = ms_scratch_new(L, sizeof *made, clear_record);
    const char *name = ms_arg_key(L, 2, "namespace", &err);
    if (name == NULL || ms_arg_labels(L, 3, &labels, &err) < 0 ||
        ms_store_namespace_create(store, name, labels, made, &err) < 0)
        return ms_failure(L, &err);
    push_record(L, "name", made);
    return 1;
}

/* namespace_update(name, labels, paths) -> record */
static int namespace_update(lua_State *L) {
    struct ms_err err;
    struct ms_arg_list paths;
    struct ms_labels *labels = NULL;
    const struct ms_labels none = {0};
    lua_settop(L, 4);
    struct ms_store *store = ms_store_check_arg(L);
    ms_arg_list(L, 4, &paths);
    struct ms_record *updated = ms_scratch_new(L, sizeof *updated, clear_record);
    const char *name = ms_arg_key(L, 2, "namespace", &err);
    if (name == NULL || ms_arg_labels(L, 3, &labels, &err) < 0 ||
        ms_arg_list_plain(&paths, "field path", &err) < 0)
        return ms_failure(L, &err);
    const struct ms_fieldmask mask = {.paths = paths.items, .count = paths.count};
    if (ms_store_namespace_update(store, name, labels != NULL ? labels : &none, &mask, updated,
                                  &err) < 0)
        return ms_failure(L, &err);
    push_record(L, "name", updated);
    return 1;
}

/* namespace_delete(name) -> true */
static int namespace_delete(lua_State *L) {
    struct ms_err err;
    struct ms_store *store = ms_store_check_arg(L);
    const char *name = ms_arg_key(L, 2, "namespace", &err);
    if (name == NULL)
        return ms_failure(L, &err);
    return ms_answer(L, ms_store_namespace_delete(store, name, &err), &err);
}

const luaL_Reg ms_lease_verbs[] = {{"lease_create", lease_create},
                                   {"lease_renew", lease_renew},
                                   {"lease_delete", lease_delete},
                                   {"leases", leases},
                                   {"lease_add", lease_add},
                                   {"lease_drop", lease_drop},
                                   {"lease_resources", lease_resources},
                                   {"namespace_records", namespace_records},
                                   {"namespace_get", namespace_get},
                                   {"namespace_create", namespace_create},
                                   {"namespace_update", namespace_update},
                                   {"namespace_delete", namespace_delete},
                                   {NULL, NULL}};
