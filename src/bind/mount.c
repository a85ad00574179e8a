/* The verbs that mount, and check, which looks at what is there. */
#include "base/err.h"
#include "bind/args.h"
#include "bind/failure.h"
#include "bind/push.h"
#include "bind/store.h"
#include "engine/store/store.h"

/* mount(ns, key, target, readonly) -> true */
static int mount_snapshot(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place;
    lua_settop(L, 5);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_mount_request request = {.readonly = lua_toboolean(L, 5)};
    if (ms_arg_place(L, &place, &err) < 0)
        return ms_failure(L, &err);
    request.key = place.key;
    request.target = ms_arg_path(L, 4, "mount", &err);
    if (request.target == NULL)
        return ms_failure(L, &err);
    return ms_answer(L, ms_store_mount(store, place.ns, &request, &err), &err);
}

/* unmount(target, lazy) -> true */
static int unmount(lua_State *L) {
    struct ms_err err;
    lua_settop(L, 3);
    struct ms_store *store = ms_store_check_arg(L);
    const char *target = ms_arg_path(L, 2, "unmount", &err);
    if (target == NULL)
        return ms_failure(L, &err);
    return ms_answer(L, ms_store_unmount(store, target, lua_toboolean(L, 3), &err), &err);
}

static void clear_mounted(void *list) { ms_mounted_list_clear(list); }

static void push_mounted(lua_State *L, const struct ms_mounted *mounted) {
    lua_createtable(L, 0, 6);
    ms_set_string(L, "namespace", mounted->ns);
    ms_set_string(L, "key", mounted->key);
    ms_set_string(L, "target", mounted->target);
    ms_set_integer(L, "pid", mounted->pid);
    ms_set_boolean(L, "here", mounted->here);
    ms_set_boolean(L, "readonly", mounted->readonly);
}

static int mounted(lua_State *L) {
    struct ms_err err;
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_mounted_list *list = ms_scratch_new(L, sizeof *list, clear_mounted);
    if (ms_store_mounted(store, list, &err) < 0)
        return ms_failure(L, &err);
    lua_createtable(L, (int)list->count, 0);
    for (size_t i = 0; i < list->count; i++) {
        push_mounted(L, &list->items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* ---- check -----------------------------------------------------------------------------------*/

static void clear_findings(void *findings) { ms_findings_clear(findings); }

static void push_finding(lua_State *L, const struct ms_finding *finding) {
    lua_createtable(L, 0, 5);
    ms_set_string(L, "what", finding->what);
    ms_set_string(L, "where", finding->where);
    ms_set_string(L, "repair", finding->repair);
    ms_set_boolean(L, "repaired", finding->repaired);
    ms_set_boolean(L, "serious", finding->serious);
}

/* check(repair) -> findings */
static int check(lua_State *L) {
    struct ms_err err;
    lua_settop(L, 2);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_findings *findings = ms_scratch_new(L, sizeof *findings, clear_findings);
    if (ms_store_check(store, lua_toboolean(L, 2), findings, &err) < 0)
        return ms_failure(L, &err);
    lua_createtable(L, (int)findings->count, 0);
    for (size_t i = 0; i < findings->count; i++) {
        push_finding(L, &findings->items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

const luaL_Reg ms_mount_verbs[] = {{"mount", mount_snapshot},
                                   {"unmount", unmount},
                                   {"mounted", mounted},
                                   {"check", check},
                                   {NULL, NULL}};
