/* The verbs that look at snapshots and change their labels, and compiled filters. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "bind/args.h"
#include "bind/failure.h"
#include "bind/push.h"
#include "bind/store.h"
#include "engine/filter/filter.h"
#include "engine/store/count.h"
#include "engine/store/store.h"

static void clear_info(void *info) { ms_info_clear(info); }

static int stat_snapshot(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place;
    lua_settop(L, 3);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_info *info = ms_scratch_new(L, sizeof *info, clear_info);
    if (ms_arg_place(L, &place, &err) < 0 ||
        ms_store_stat(store, place.ns, place.key, info, &err) < 0)
        return ms_failure(L, &err);
    ms_push_info(L, info);
    return 1;
}

/* update(ns, key, labels, paths) -> info */
static int update(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place;
    struct ms_arg_list paths;
    struct ms_labels *labels = NULL;
    lua_settop(L, 5);
    struct ms_store *store = ms_store_check_arg(L);
    ms_arg_list(L, 5, &paths);
    struct ms_info *info = ms_scratch_new(L, sizeof *info, clear_info);
    if (ms_arg_place(L, &place, &err) < 0 || ms_arg_labels(L, 4, &labels, &err) < 0 ||
        ms_arg_list_plain(&paths, "field path", &err) < 0)
        return ms_failure(L, &err);
    struct ms_info wanted = {.name = (char *)place.key}; /* borrowed, and only read */
    if (labels != NULL)
        wanted.labels = *labels;
    const struct ms_fieldmask mask = {.paths = paths.items, .count = paths.count};
    if (ms_store_update(store, place.ns, &wanted, &mask, info, &err) < 0)
        return ms_failure(L, &err);
    ms_push_info(L, info);
    return 1;
}

static int touch(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place;
    struct ms_store *store = ms_store_check_arg(L);
    if (ms_arg_place(L, &place, &err) < 0)
        return ms_failure(L, &err);
    return ms_answer(L, ms_store_touch(store, place.ns, place.key, &err), &err);
}

static void clear_layers(void *layers) { ms_layers_clear(layers); }

static int layers(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place;
    lua_settop(L, 3);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_layers *found = ms_scratch_new(L, sizeof *found, clear_layers);
    if (ms_arg_place(L, &place, &err) < 0 ||
        ms_store_layers(store, place.ns, place.key, found, &err) < 0)
        return ms_failure(L, &err);
    ms_push_strings(L, found->paths, found->count);
    ms_set_boolean(L, "own", found->own);
    return 1;
}

/* count() -> {view, active, committed}: rows of all namespaces */
static int count(lua_State *L) {
    struct ms_err err;
    struct ms_row_counts counts;
    if (ms_store_count(ms_store_check_arg(L), &counts, &err) < 0)
        return ms_failure(L, &err);
    lua_createtable(L, 0, 3);
    ms_set_integer(L, "view", counts.views);
    ms_set_integer(L, "active", counts.actives);
    ms_set_integer(L, "committed", counts.committed);
    return 1;
}

/* sum(ns, filter) -> count, size, inodes */
static int sum(lua_State *L) {
    struct ms_err err;
    struct ms_sum found;
    lua_settop(L, 3);
    struct ms_store *store = ms_store_check_arg(L);
    const struct ms_filter *filter = ms_filter_arg(L, 3);
    const char *ns = ms_arg_key(L, 2, "namespace", &err);
    if (ns == NULL || ms_store_sum(store, ns, filter, &found, &err) < 0)
        return ms_failure(L, &err);
    lua_pushinteger(L, found.count);
    lua_pushinteger(L, found.usage.size_bytes);
    lua_pushinteger(L, found.usage.inodes);
    return 3;
}

/* filesystem() -> {size, free}: bytes of the file system that the layers lie on */
static int filesystem(lua_State *L) {
    struct ms_err err;
    int64_t size = 0;
    int64_t left = 0;
    if (ms_store_filesystem(ms_store_check_arg(L), &size, &left, &err) < 0)
        return ms_failure(L, &err);
    lua_createtable(L, 0, 2);
    ms_set_integer(L, "size", size);
    ms_set_integer(L, "free", left);
    return 1;
}

/* ---- filters ---------------------------------------------------------------------------------*/

static void free_filter(void *filter) { ms_filter_free(filter); }

static const struct ms_class filter_class = {
    .name = "moonsnap.core.filter", .word = "filter", .free = free_filter};

const struct ms_filter *ms_filter_arg(lua_State *L, int arg) {
    return lua_isnoneornil(L, arg) ? NULL : ms_box_check(L, arg, &filter_class);
}

int ms_filter_lua(lua_State *L) {
    struct ms_err err;
    struct ms_arg_list texts;
    struct ms_filter *filter = NULL;
    lua_settop(L, 1);
    luaL_checktype(L, 1, LUA_TTABLE);
    ms_arg_list(L, 1, &texts);
    struct ms_box *box = ms_box_new(L, &filter_class, 0);
    if (ms_filter_compile(texts.items, texts.sizes, texts.count, &filter, &err) < 0)
        return ms_failure(L, &err);
    ms_box_fill(box, filter);
    return 1;
}

static const char *string_field(lua_State *L, const char *name) {
    if (lua_getfield(L, 2, name) == LUA_TNIL)
        return "";
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "match: the info's %s is no string", name);
    return lua_tostring(L, -1); /* stays on the stack */
}

static int kind_of_name(lua_State *L, const char *name) {
    for (int kind = MS_KIND_VIEW; kind <= MS_KIND_COMMITTED; kind++) {
        if (strcmp(ms_snapshot_kind_name(kind), name) == 0)
            return kind;
    }
    return *name == '\0' ? 0 : luaL_error(L, "match: no kind '%s'", name);
}

/* filter:match(info) -> boolean */
static int match(lua_State *L) {
    struct ms_err err;
    struct ms_labels *labels = NULL;
    lua_settop(L, 2);
    const struct ms_filter *filter = ms_box_check(L, 1, &filter_class);
    luaL_checktype(L, 2, LUA_TTABLE);
    struct ms_info info = {.name = (char *)string_field(L, "name"), /* borrowed, and only read */
                           .parent = (char *)string_field(L, "parent")};
    info.kind = kind_of_name(L, string_field(L, "kind"));
    lua_getfield(L, 2, "labels");
    if (ms_arg_labels(L, lua_gettop(L), &labels, &err) < 0)
        return ms_failure_raise(L, &err);
    if (labels != NULL)
        info.labels = *labels;
    lua_pushboolean(L, ms_filter_match(filter, &info));
    return 1;
}

/* The fields of any object, by their whole path; strings are borrowed from a Lua table. */
struct fields {
    struct ms_span *names;
    struct ms_span *values;
    size_t count;
};

static bool find_field(const void *object, const struct ms_fieldpath *path, struct ms_span *value) {
    const struct fields *fields = object;
    for (size_t i = 0; i < fields->count; i++) {
        if (fields->names[i].size == path->joined.size &&
            memcmp(fields->names[i].bytes, path->joined.bytes, path->joined.size) == 0) {
            *value = fields->values[i];
            return true;
        }
    }
    return false;
}

static struct ms_span span_at(lua_State *L, int index) {
    struct ms_span span = {0};
    if (lua_type(L, index) != LUA_TSTRING)
        luaL_error(L, "match_fields: names and values must be strings");
    span.bytes = lua_tolstring(L, index, &span.size);
    return span;
}

/* filter:match_fields{["labels.a"] = "b", ...} -> boolean */
static int match_fields(lua_State *L) {
    struct fields fields = {0};
    size_t room = 0;
    lua_settop(L, 2);
    const struct ms_filter *filter = ms_box_check(L, 1, &filter_class);
    luaL_checktype(L, 2, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 2) != 0; lua_pop(L, 1))
        room++;
    fields.names = lua_newuserdatauv(L, (room + 1) * 2 * sizeof *fields.names, 0);
    fields.values = fields.names + room + 1;
    for (lua_pushnil(L); lua_next(L, 2) != 0; lua_pop(L, 1)) {
        fields.names[fields.count] = span_at(L, -2);
        fields.values[fields.count++] = span_at(L, -1);
    }
    lua_pushboolean(L, ms_filter_match_fields(filter, find_field, &fields));
    return 1;
}

static void push_span(lua_State *L, const char *name, struct ms_span span) {
    lua_pushlstring(L, span.size != 0 ? span.bytes : "", span.size);
    lua_setfield(L, -2, name);
}

static void push_selectors(lua_State *L, const struct ms_selector *selectors, size_t count) {
    static const char *const words[] = {[MS_OP_PRESENT] = "present",
                                        [MS_OP_EQUAL] = "==",
                                        [MS_OP_NOT_EQUAL] = "!=",
                                        [MS_OP_MATCHES] = "~="};
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 3);
        push_span(L, "path", selectors[i].path.joined);
        push_span(L, "value", selectors[i].value);
        ms_set_string(L, "op", words[selectors[i].op]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* filter:terms() -> by alternative a list of {path, op, value}; op: present, ==, !=, ~= */
static int terms(lua_State *L) {
    const struct ms_filter *filter = ms_box_check(L, 1, &filter_class);
    size_t alternatives = ms_filter_alternatives(filter);
    lua_createtable(L, (int)alternatives, 0);
    for (size_t i = 0; i < alternatives; i++) {
        size_t count = 0;
        const struct ms_selector *selectors = ms_filter_selectors(filter, i, &count);
        push_selectors(L, selectors, count);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

struct plan {
    char *text;
};

static void clear_plan(void *bytes) {
    struct plan *plan = bytes;
    free(plan->text);
    plan->text = NULL;
}

/* explain(ns, filter) -> the query plan of that walk */
static int explain(lua_State *L) {
    struct ms_err err;
    lua_settop(L, 3);
    struct ms_store *store = ms_store_check_arg(L);
    const struct ms_filter *filter = ms_filter_arg(L, 3);
    const char *ns = ms_arg_key(L, 2, "namespace", &err);
    struct plan *plan = ms_scratch_new(L, sizeof *plan, clear_plan);
    if (ns == NULL || ms_store_explain(store, ns, filter, &plan->text, &err) < 0)
        return ms_failure(L, &err);
    lua_pushstring(L, plan->text);
    return 1;
}

const luaL_Reg ms_look_verbs[] = {{"stat", stat_snapshot},
                                  {"update", update},
                                  {"touch", touch},
                                  {"layers", layers},
                                  {"explain", explain},
                                  {"count", count},
                                  {"sum", sum},
                                  {"filesystem", filesystem},
                                  {NULL, NULL}};

void ms_look_setup(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"match", match}, {"match_fields", match_fields}, {"terms", terms}, {NULL, NULL}};
    ms_class_register(L, &filter_class, methods);
}
