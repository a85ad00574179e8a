/* Surveys: what the planner reads of a namespace, as Lua tables.
 *
 * A hundred thousand tables count: each has its fields' room from the start, snapshots without
 * labels share one empty table, and a parent's name is its own string once more. */
#include <stdlib.h>

#include "base/err.h"
#include "base/wire.h"
#include "bind/args.h"
#include "bind/failure.h"
#include "bind/push.h"
#include "bind/store.h"
#include "engine/meta/labels.h"
#include "engine/snapshot.h"
#include "engine/store/survey.h"

/* User values of the box: names by number, the table of those without labels. */
enum { NAMES = MS_BOX_HELD, BARE = MS_BOX_HELD + 1 };

static void free_survey(void *survey) { ms_survey_free(survey); }

static const struct ms_class survey_class = {
    .name = "moonsnap.core.survey", .word = "survey", .free = free_survey, .apart = true};

/* survey(ns) -> survey, with count() and take(count) */
static int survey(lua_State *L) {
    struct ms_err err;
    struct ms_survey *opened = NULL;
    lua_settop(L, 2);
    struct ms_store *store = ms_store_check_arg(L);
    const char *ns = ms_arg_key(L, 2, "namespace", &err);
    if (ns == NULL)
        return ms_failure(L, &err);
    struct ms_box *box = ms_box_new(L, &survey_class, 1);
    if (ms_store_survey(store, ns, &opened, &err) < 0)
        return ms_failure(L, &err);
    ms_box_fill(box, opened);
    lua_createtable(L, (int)ms_survey_count(opened), 0);
    lua_setiuservalue(L, -2, NAMES);
    lua_createtable(L, 0, 0);
    lua_setiuservalue(L, -2, BARE);
    return 1;
}

/* survey:count() -> how many snapshots it has */
static int survey_count(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)ms_survey_count(ms_box_check(L, 1, &survey_class)));
    return 1;
}

/* Stack in push_...: 1 the survey, 2 count, NAMES and BARE, the list, and the fact on top. */
enum { NAMES_AT = 3, BARE_AT, LIST_AT };

/* The name of a number, which is one string for all who name it. */
static void push_name(lua_State *L, const struct ms_survey *from, int64_t number) {
    if (lua_rawgeti(L, NAMES_AT, number) == LUA_TSTRING)
        return;
    lua_pop(L, 1);
    struct ms_span name = ms_survey_name(from, number);
    lua_pushlstring(L, name.bytes, name.size);
    lua_pushvalue(L, -1);
    lua_rawseti(L, NAMES_AT, number);
}

static void set_labels(lua_State *L, const struct ms_fact *fact) {
    struct ms_err err;
    struct ms_label_span span;
    struct ms_wire_in in = {(const uint8_t *)fact->labels.bytes,
                            (const uint8_t *)fact->labels.bytes + fact->labels.size};
    int more;
    if (fact->labels.size == 0) {
        lua_pushvalue(L, BARE_AT);
    } else {
        lua_createtable(L, 0, 2);
        while ((more = ms_labels_next(&in, &span, &err)) == 1) {
            lua_pushlstring(L, span.name, span.name_size);
            lua_pushlstring(L, span.value, span.value_size);
            lua_rawset(L, -3);
        }
        if (more < 0)
            (void)ms_failure_raise(L, &err);
    }
    lua_setfield(L, -2, "labels");
}

/* What most snapshots have none of. */
static void set_holds(lua_State *L, const struct ms_fact *fact) {
    static const char *const alive[] = {"dead", "alive", "unknown"}; /* enum ms_alive */
    if (fact->damaged)
        ms_set_boolean(L, "damaged", 1);
    if (fact->pin != NULL) {
        lua_createtable(L, 0, 2);
        ms_set_string(L, "reason", fact->pin->reason);
        if (fact->pin->until_ns != 0)
            ms_set_integer(L, "until_", fact->pin->until_ns);
        lua_setfield(L, -2, "pinned");
    }
    if (fact->lease != NULL)
        ms_set_string(L, "leased", fact->lease);
    if (fact->flat)
        ms_set_boolean(L, "leased_flat", 1);
    if (fact->mounted != NULL)
        ms_set_string(L, "mounted", fact->mounted);
    if (fact->owned)
        ms_set_string(L, "owner", alive[fact->owner]);
}

static void push_fact(lua_State *L, const struct ms_survey *from, const struct ms_fact *fact) {
    lua_createtable(L, 0, 16);
    push_name(L, from, fact->number);
    lua_setfield(L, -2, "name");
    if (fact->parent != 0)
        push_name(L, from, fact->parent);
    else
        lua_pushliteral(L, "");
    lua_setfield(L, -2, "parent");
    lua_pushstring(L, ms_snapshot_kind_name(fact->kind));
    lua_setfield(L, -2, "kind");
    ms_set_integer(L, "number", fact->number);
    ms_set_integer(L, "created", fact->created_ns);
    ms_set_integer(L, "updated", fact->updated_ns);
    ms_set_integer(L, "used", fact->used_ns);
    ms_set_integer(L, "use_count", fact->use_count);
    ms_set_integer(L, "size", fact->size_bytes);
    ms_set_integer(L, "inodes", fact->inodes);
    ms_set_integer(L, "depth", (int64_t)fact->depth);
    set_labels(L, fact);
    set_holds(L, fact);
}

/* survey:take(count) -> list of the next facts, count at most; nothing at the end */
static int survey_take(lua_State *L) {
    struct ms_fact fact;
    lua_settop(L, 2);
    struct ms_survey *from = ms_box_check(L, 1, &survey_class);
    lua_Integer count = luaL_checkinteger(L, 2);
    luaL_argcheck(L, count > 0, 2, "a count is positive");
    size_t all = ms_survey_count(from);
    lua_getiuservalue(L, 1, NAMES);
    lua_getiuservalue(L, 1, BARE);
    lua_createtable(L, (size_t)count < all ? (int)count : (int)all, 0);
    lua_Integer taken = 0;
    while (taken < count && ms_survey_next(from, &fact)) {
        push_fact(L, from, &fact);
        lua_rawseti(L, LIST_AT, ++taken);
    }
    return taken > 0 ? 1 : 0;
}

/* ---- who else uses what is there -------------------------------------------------------------*/

static void clear_in_use(void *in_use) { ms_in_use_clear(in_use); }

static void set_numbers(lua_State *L, const char *name, const struct ms_ids *ids) {
    lua_createtable(L, 0, (int)ids->count);
    for (size_t i = 0; i < ids->count; i++) {
        lua_pushboolean(L, 1);
        lua_rawseti(L, -2, ids->items[i]);
    }
    lua_setfield(L, -2, name);
}

/* in_use() -> {sure= {[number]= true}, maybe= {[number]= true}, unknown= count, beyond=} */
static int in_use(lua_State *L) {
    struct ms_err err;
    lua_settop(L, 1);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_in_use *found = ms_scratch_new(L, sizeof *found, clear_in_use);
    if (ms_store_in_use(store, found, &err) < 0)
        return ms_failure(L, &err);
    lua_createtable(L, 0, 4);
    set_numbers(L, "sure", &found->sure);
    set_numbers(L, "maybe", &found->maybe);
    ms_set_integer(L, "unknown", (int64_t)found->gaps.unknown);
    ms_set_boolean(L, "beyond", found->gaps.beyond);
    return 1;
}

struct tenant {
    char *name;
};

static void clear_tenant(void *bytes) {
    struct tenant *tenant = bytes;
    free(tenant->name);
    tenant->name = NULL;
}

/* tenant(ns) -> whose database knows the snapshots in it; false for nobody's */
static int tenant(lua_State *L) {
    struct ms_err err;
    lua_settop(L, 2);
    struct ms_store *store = ms_store_check_arg(L);
    struct tenant *found = ms_scratch_new(L, sizeof *found, clear_tenant);
    const char *ns = ms_arg_key(L, 2, "namespace", &err);
    if (ns == NULL || ms_store_tenant(store, ns, &found->name, &err) < 0)
        return ms_failure(L, &err);
    if (found->name != NULL)
        lua_pushstring(L, found->name);
    else
        lua_pushboolean(L, 0);
    return 1;
}

/* set_tenant(ns, name) -> true; nil takes the mark away */
static int set_tenant(lua_State *L) {
    struct ms_err err;
    const char *name = NULL;
    lua_settop(L, 3);
    struct ms_store *store = ms_store_check_arg(L);
    const char *ns = ms_arg_key(L, 2, "namespace", &err);
    if (ns == NULL)
        return ms_failure(L, &err);
    if (!lua_isnil(L, 3)) {
        name = ms_arg_key(L, 3, "tenant", &err);
        if (name == NULL)
            return ms_failure(L, &err);
    }
    return ms_answer(L, ms_store_set_tenant(store, ns, name, &err), &err);
}

const luaL_Reg ms_survey_verbs[] = {{"survey", survey},
                                    {"in_use", in_use},
                                    {"tenant", tenant},
                                    {"set_tenant", set_tenant},
                                    {NULL, NULL}};

void ms_survey_setup(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"count", survey_count}, {"take", survey_take}, {NULL, NULL}};
    ms_class_register(L, &survey_class, methods);
}
