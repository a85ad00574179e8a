#include "bind/args.h"

#include <lauxlib.h>
#include <string.h>

#include "base/err.h"
#include "bind/box.h"
#include "engine/layer/sealing.h"
#include "engine/snapshot.h"

static const char *string_at(lua_State *L, int arg, size_t *size) {
    luaL_checktype(L, arg, LUA_TSTRING);
    return lua_tolstring(L, arg, size);
}

const char *ms_arg_key(lua_State *L, int arg, const char *what, struct ms_err *err) {
    size_t size = 0;
    const char *key = string_at(L, arg, &size);
    return ms_key_check(what, key, size, err) < 0 ? NULL : key;
}

int ms_arg_place(lua_State *L, struct ms_arg_place *out, struct ms_err *err) {
    out->ns = ms_arg_key(L, 2, "namespace", err);
    if (out->ns == NULL)
        return err->kind;
    out->key = ms_arg_key(L, 3, "key", err);
    return out->key == NULL ? err->kind : 0;
}

int ms_arg_parent(lua_State *L, int arg, const char **out, struct ms_err *err) {
    *out = NULL;
    if (lua_isnoneornil(L, arg))
        return 0;
    size_t size = 0;
    const char *parent = string_at(L, arg, &size);
    if (size == 0)
        return 0;
    int failed = ms_key_check("parent", parent, size, err);
    if (failed < 0)
        return failed;
    *out = parent;
    return 0;
}

int ms_arg_lease(lua_State *L, int arg, const char **out, struct ms_err *err) {
    *out = NULL;
    if (lua_isnoneornil(L, arg))
        return 0;
    *out = ms_arg_key(L, arg, "lease", err);
    return *out == NULL ? err->kind : 0;
}

const char *ms_arg_path(lua_State *L, int arg, const char *what, struct ms_err *err) {
    size_t size = 0;
    const char *path = string_at(L, arg, &size);
    if (size != 0 && strlen(path) == size)
        return path;
    ms_err_set(err, MS_INVALID_ARGUMENT, "%s: %s", what,
               size == 0 ? "an empty path" : "a path with a NUL byte");
    return NULL;
}

int ms_arg_durability(lua_State *L, int arg, int *out, struct ms_err *err) {
    *out = 0;
    if (lua_isnoneornil(L, arg))
        return 0;
    size_t size = 0;
    const char *word = string_at(L, arg, &size);
    *out = ms_durability_of_name(word);
    if (*out != 0 && strlen(word) == size)
        return 0;
    return ms_err_set(err, MS_INVALID_ARGUMENT, "durability '%s': is none of metadata, layer, full",
                      word);
}

static void clear_labels(void *labels) { ms_labels_clear(labels); }

static int add_label(lua_State *L, struct ms_labels *labels, struct ms_err *err) {
    size_t name_size = 0;
    size_t value_size = 0;
    const char *name = lua_tolstring(L, -2, &name_size);
    const char *value = lua_tolstring(L, -1, &value_size);
    int failed = ms_label_check(name, name_size, value, value_size, err);
    return failed < 0 ? failed : ms_labels_set(labels, name, value, err);
}

int ms_arg_labels(lua_State *L, int arg, struct ms_labels **out, struct ms_err *err) {
    *out = NULL;
    if (lua_isnoneornil(L, arg))
        return 0;
    luaL_checktype(L, arg, LUA_TTABLE);
    struct ms_labels *labels = ms_scratch_new(L, sizeof *labels, clear_labels);
    luaL_checkstack(L, 4, NULL);
    lua_pushnil(L);
    while (lua_next(L, arg) != 0) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            return luaL_argerror(L, arg, "labels are strings by strings");
        int failed = add_label(L, labels, err);
        if (failed < 0)
            return failed;
        lua_pop(L, 1);
    }
    *out = labels;
    return 0;
}

void ms_arg_list(lua_State *L, int arg, struct ms_arg_list *out) {
    memset(out, 0, sizeof *out);
    luaL_checkstack(L, 4, NULL);
    size_t count = 0;
    if (!lua_isnoneornil(L, arg)) {
        luaL_checktype(L, arg, LUA_TTABLE);
        count = lua_rawlen(L, arg);
    }
    out->items = lua_newuserdatauv(L, (count + 1) * sizeof *out->items, 0);
    out->sizes = lua_newuserdatauv(L, (count + 1) * sizeof *out->sizes, 0);
    for (; out->count < count; out->count++) {
        lua_rawgeti(L, arg, (lua_Integer)out->count + 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_argerror(L, arg, "a list of strings expected");
        out->items[out->count] = lua_tolstring(L, -1, &out->sizes[out->count]);
        lua_pop(L, 1);
    }
    out->items[count] = NULL;
}

int ms_arg_list_plain(const struct ms_arg_list *list, const char *what, struct ms_err *err) {
    for (size_t i = 0; i < list->count; i++) {
        if (strlen(list->items[i]) != list->sizes[i])
            return ms_err_set(err, MS_INVALID_ARGUMENT, "%s '%s': holds a NUL byte", what,
                              list->items[i]);
    }
    return 0;
}
