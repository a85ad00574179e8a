/* The verbs that make, change into and remove snapshots. */
#include "base/err.h"
#include "bind/args.h"
#include "bind/failure.h"
#include "bind/push.h"
#include "bind/steps.h"
#include "bind/store.h"
#include "engine/store/store.h"

static void clear_mounts(void *mounts) { ms_mounts_clear(mounts); }

typedef int create_verb(struct ms_store *store, const char *ns, const struct ms_create *create,
                        struct ms_mounts *mounts, struct ms_err *err);

/* prepare(ns, key, parent, labels, owner, lease, filled) -> mounts */
static int create(lua_State *L, create_verb *verb) {
    struct ms_err err;
    struct ms_arg_place place;
    struct ms_labels *labels = NULL;
    struct ms_create request = {0};
    lua_settop(L, 8);
    struct ms_store *store = ms_store_check_arg(L);
    request.filled = ms_stage_arg(L, 8);
    request.owner_pid = luaL_optinteger(L, 6, 0);
    if (ms_arg_place(L, &place, &err) < 0 || ms_arg_parent(L, 4, &request.parent, &err) < 0 ||
        ms_arg_labels(L, 5, &labels, &err) < 0 || ms_arg_lease(L, 7, &request.lease, &err) < 0)
        return ms_failure(L, &err);
    request.key = place.key;
    request.labels = labels;
    struct ms_mounts *mounts = ms_scratch_new(L, sizeof *mounts, clear_mounts);
    if (verb(store, place.ns, &request, mounts, &err) < 0)
        return ms_failure(L, &err);
    ms_push_mounts(L, mounts);
    return 1;
}

static int prepare(lua_State *L) { return create(L, ms_store_prepare); }

static int view(lua_State *L) { return create(L, ms_store_view); }

static int mounts(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place;
    lua_settop(L, 3);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_mounts *found = ms_scratch_new(L, sizeof *found, clear_mounts);
    if (ms_arg_place(L, &place, &err) < 0 ||
        ms_store_mounts(store, place.ns, place.key, found, &err) < 0)
        return ms_failure(L, &err);
    ms_push_mounts(L, found);
    return 1;
}

/* commit(ns, name, key, parent, labels, durability, seal, lease) -> true */
static int commit(lua_State *L) {
    struct ms_err err;
    struct ms_labels *labels = NULL;
    struct ms_commit request = {0};
    lua_settop(L, 9);
    struct ms_store *store = ms_store_check_arg(L);
    request.seal = ms_seal_arg(L, 8);
    const char *ns = ms_arg_key(L, 2, "namespace", &err);
    if (ns == NULL)
        return ms_failure(L, &err);
    request.name = ms_arg_key(L, 3, "name", &err);
    if (request.name == NULL)
        return ms_failure(L, &err);
    request.key = ms_arg_key(L, 4, "key", &err);
    if (request.key == NULL || ms_arg_parent(L, 5, &request.parent, &err) < 0 ||
        ms_arg_labels(L, 6, &labels, &err) < 0 ||
        ms_arg_durability(L, 7, &request.durability, &err) < 0 ||
        ms_arg_lease(L, 9, &request.lease, &err) < 0)
        return ms_failure(L, &err);
    request.labels = labels;
    return ms_answer(L, ms_store_commit(store, ns, &request, &err), &err);
}

/* remove(ns, key, later) -> true */
static int remove_snapshot(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place;
    struct ms_store *store = ms_store_check_arg(L);
    if (ms_arg_place(L, &place, &err) < 0)
        return ms_failure(L, &err);
    int failed = ms_store_remove(store, place.ns, place.key, lua_toboolean(L, 4), &err);
    return ms_answer(L, failed, &err);
}

/* spend_reserve() -> whether the disk is full and has got the store's reserve: what failed for want
 * of room may be tried again */
static int spend_reserve(lua_State *L) {
    lua_pushboolean(L, ms_store_spend_reserve(ms_store_check_arg(L)));
    return 1;
}

static int64_t seen_of(lua_State *L, int arg, const char *name) {
    int whole = 0;
    lua_getfield(L, arg, name);
    lua_Integer value = lua_tointegerx(L, -1, &whole);
    if (whole == 0)
        luaL_error(L, "evict: %s: integer expected, got %s", name, luaL_typename(L, -1));
    lua_pop(L, 1);
    return value;
}

/* evict(ns, key, {number=, updated=, used=, use_count=}, look) -> true */
static int evict(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place;
    struct ms_store *store = ms_store_check_arg(L);
    luaL_checktype(L, 4, LUA_TTABLE);
    const struct ms_seen seen = {.number = seen_of(L, 4, "number"),
                                 .updated_ns = seen_of(L, 4, "updated"),
                                 .used_ns = seen_of(L, 4, "used"),
                                 .use_count = seen_of(L, 4, "use_count")};
    if (ms_arg_place(L, &place, &err) < 0)
        return ms_failure(L, &err);
    int failed = ms_store_evict(store, place.ns, place.key, &seen, lua_toboolean(L, 5), &err);
    return ms_answer(L, failed, &err);
}

const luaL_Reg ms_make_verbs[] = {{"prepare", prepare},
                                  {"view", view},
                                  {"mounts", mounts},
                                  {"commit", commit},
                                  {"remove", remove_snapshot},
                                  {"evict", evict},
                                  {"spend_reserve", spend_reserve},
                                  {NULL, NULL}};
