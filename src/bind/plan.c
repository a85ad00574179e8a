/* The verbs on stored plans. */
#include <string.h>

#include "base/err.h"
#include "bind/args.h"
#include "bind/failure.h"
#include "bind/push.h"
#include "bind/store.h"
#include "engine/store/store_plan.h"

static void clear_plan(void *plan) { ms_plan_clear(plan); }

static void clear_plans(void *plans) { ms_plans_clear(plans); }

static void clear_items(void *items) { ms_plan_items_clear(items); }

/* ---- in --------------------------------------------------------------------------------------*/

/* A string field of the item on top, which stays alive in its table; "" for nil. */
static char *string_of(lua_State *L, const char *name) {
    size_t size = 0;
    int type = lua_getfield(L, -1, name);
    if (type != LUA_TSTRING && type != LUA_TNIL)
        luaL_error(L, "%s of a plan's item: a string expected", name);
    const char *text = type == LUA_TSTRING ? lua_tolstring(L, -1, &size) : "";
    if (strlen(text) != size)
        luaL_error(L, "%s of a plan's item has a NUL byte", name);
    lua_pop(L, 1);
    return (char *)text; /* only read */
}

static int64_t integer_of(lua_State *L, const char *name) {
    int whole = 0;
    lua_Integer value = lua_getfield(L, -1, name) == LUA_TNIL ? 0 : lua_tointegerx(L, -1, &whole);
    if (whole == 0 && !lua_isnil(L, -1))
        luaL_error(L, "%s of a plan's item: an integer expected", name);
    lua_pop(L, 1);
    return value;
}

/* The items of the list at arg, borrowed from it; pushes their memory. */
static struct ms_plan_items items_at(lua_State *L, int arg) {
    struct ms_plan_items items = {0};
    luaL_checktype(L, arg, LUA_TTABLE);
    luaL_checkstack(L, 5, NULL);
    size_t count = lua_rawlen(L, arg);
    items.items = lua_newuserdatauv(L, (count + 1) * sizeof *items.items, 0);
    for (; items.count < count; items.count++) {
        if (lua_rawgeti(L, arg, (lua_Integer)items.count + 1) != LUA_TTABLE)
            luaL_argerror(L, arg, "a list of items expected");
        items.items[items.count] = (struct ms_plan_item){
            .number = integer_of(L, "number"),
            .key = string_of(L, "key"),
            .verdict = string_of(L, "verdict"),
            .reason = string_of(L, "reason"),
            .rule = string_of(L, "rule"),
            .text = string_of(L, "text"),
            .size_bytes = integer_of(L, "size"),
            .updated_ns = integer_of(L, "updated"),
            .used_ns = integer_of(L, "used"),
            .use_count = integer_of(L, "use_count"),
        };
        lua_pop(L, 1);
    }
    return items;
}

/* plan_save(ns, header, items) -> id */
static int plan_save(lua_State *L) {
    struct ms_err err;
    char id[MS_PLAN_ID_SIZE];
    size_t size = 0;
    lua_settop(L, 4);
    struct ms_store *store = ms_store_check_arg(L);
    const char *header = luaL_checklstring(L, 3, &size);
    luaL_argcheck(L, strlen(header) == size, 3, "it has a NUL byte");
    const struct ms_plan_items items = items_at(L, 4);
    const char *ns = ms_arg_key(L, 2, "namespace", &err);
    if (ns == NULL || ms_store_plan_save(store, ns, header, &items, id, &err) < 0)
        return ms_failure(L, &err);
    lua_pushstring(L, id);
    return 1;
}

/* The namespace at 2 and the id at 3. */
static int plan_place(lua_State *L, struct ms_arg_place *out, struct ms_err *err) {
    out->ns = ms_arg_key(L, 2, "namespace", err);
    if (out->ns == NULL)
        return err->kind;
    out->key = ms_arg_key(L, 3, "plan", err);
    return out->key == NULL ? err->kind : 0;
}

/* plan_append(ns, id, items) -> true */
static int plan_append(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place = {0};
    lua_settop(L, 4);
    struct ms_store *store = ms_store_check_arg(L);
    const struct ms_plan_items items = items_at(L, 4);
    if (plan_place(L, &place, &err) < 0)
        return ms_failure(L, &err);
    return ms_answer(L, ms_store_plan_append(store, place.ns, place.key, &items, &err), &err);
}

/* The outcomes of the list at arg, borrowed from it; pushes their memory. */
static struct ms_plan_outcomes outcomes_at(lua_State *L, int arg) {
    struct ms_plan_outcomes outcomes = {0};
    luaL_checktype(L, arg, LUA_TTABLE);
    luaL_checkstack(L, 5, NULL);
    size_t count = lua_rawlen(L, arg);
    outcomes.items = lua_newuserdatauv(L, (count + 1) * sizeof *outcomes.items, 0);
    for (; outcomes.count < count; outcomes.count++) {
        if (lua_rawgeti(L, arg, (lua_Integer)outcomes.count + 1) != LUA_TTABLE)
            luaL_argerror(L, arg, "a list of outcomes expected");
        outcomes.items[outcomes.count] = (struct ms_plan_outcome){
            .place = integer_of(L, "place"),
            .outcome = string_of(L, "outcome"),
            .text = string_of(L, "text"),
        };
        lua_pop(L, 1);
    }
    return outcomes;
}

/* plan_done(ns, id, place, outcomes) -> true */
static int plan_done(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place at = {0};
    lua_settop(L, 5);
    struct ms_store *store = ms_store_check_arg(L);
    int64_t place = luaL_checkinteger(L, 4);
    const struct ms_plan_outcomes others = outcomes_at(L, 5);
    if (plan_place(L, &at, &err) < 0)
        return ms_failure(L, &err);
    return ms_answer(L, ms_store_plan_done(store, at.ns, at.key, place, &others, &err), &err);
}

/* ---- out -------------------------------------------------------------------------------------*/

static void push_plan(lua_State *L, const struct ms_plan *plan) {
    lua_createtable(L, 0, 6);
    ms_set_string(L, "id", plan->id);
    ms_set_string(L, "namespace", plan->ns);
    ms_set_integer(L, "created", plan->created_ns);
    ms_set_string(L, "header", plan->header);
    ms_set_integer(L, "items", plan->items);
    ms_set_integer(L, "done", plan->done);
}

/* plan_load(ns, id) -> {id=, namespace=, created=, header=, items=, done=} */
static int plan_load(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place = {0};
    lua_settop(L, 3);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_plan *plan = ms_scratch_new(L, sizeof *plan, clear_plan);
    if (plan_place(L, &place, &err) < 0 ||
        ms_store_plan_load(store, place.ns, place.key, plan, &err) < 0)
        return ms_failure(L, &err);
    push_plan(L, plan);
    return 1;
}

/* plan_list(ns) -> list of the same, newest first */
static int plan_list(lua_State *L) {
    struct ms_err err;
    lua_settop(L, 2);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_plans *plans = ms_scratch_new(L, sizeof *plans, clear_plans);
    const char *ns = ms_arg_key(L, 2, "namespace", &err);
    if (ns == NULL || ms_store_plans(store, ns, plans, &err) < 0)
        return ms_failure(L, &err);
    lua_createtable(L, (int)plans->count, 0);
    for (size_t i = 0; i < plans->count; i++) {
        push_plan(L, &plans->items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static void push_item(lua_State *L, const struct ms_plan_item *item) {
    lua_createtable(L, 0, 13);
    ms_set_integer(L, "place", item->place);
    ms_set_integer(L, "number", item->number);
    ms_set_string(L, "key", item->key);
    ms_set_string(L, "verdict", item->verdict);
    ms_set_string(L, "reason", item->reason);
    ms_set_string(L, "text", item->text);
    ms_set_integer(L, "size", item->size_bytes);
    ms_set_integer(L, "updated", item->updated_ns);
    ms_set_integer(L, "used", item->used_ns);
    ms_set_integer(L, "use_count", item->use_count);
    if (*item->rule != '\0')
        ms_set_string(L, "rule", item->rule);
    if (*item->outcome != '\0') {
        ms_set_string(L, "outcome", item->outcome);
        ms_set_string(L, "outcome_text", item->outcome_text);
    }
}

/* plan_items(ns, id, outcome, after, count) -> list of items; outcome nil: all, "": open ones */
static int plan_items(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place = {0};
    lua_settop(L, 6);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_plan_items *items = ms_scratch_new(L, sizeof *items, clear_items);
    const struct ms_plan_page page = {.outcome = luaL_optstring(L, 4, NULL),
                                      .after = luaL_optinteger(L, 5, 0),
                                      .count = luaL_optinteger(L, 6, -1)};
    if (plan_place(L, &place, &err) < 0 ||
        ms_store_plan_items(store, place.ns, place.key, &page, items, &err) < 0)
        return ms_failure(L, &err);
    lua_createtable(L, (int)items->count, 0);
    for (size_t i = 0; i < items->count; i++) {
        push_item(L, &items->items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

const luaL_Reg ms_plan_verbs[] = {{"plan_save", plan_save},
                                  {"plan_load", plan_load},
                                  {"plan_list", plan_list},
                                  {"plan_items", plan_items},
                                  {"plan_append", plan_append},
                                  {"plan_done", plan_done},
                                  {NULL, NULL}};
