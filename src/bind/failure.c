#include "bind/failure.h"

#include <lauxlib.h>

#include "base/err.h"

static void push(lua_State *L, const char *kind, const char *message, int sys) {
    luaL_checkstack(L, 4, NULL);
    lua_createtable(L, 0, 3);
    lua_pushstring(L, kind);
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, message);
    lua_setfield(L, -2, "message");
    if (sys != 0) {
        lua_pushinteger(L, sys);
        lua_setfield(L, -2, "errno");
    }
    luaL_setmetatable(L, MS_FAILURE);
}

void ms_failure_push(lua_State *L, const struct ms_err *err) {
    push(L, ms_kind_name(err->kind), err->text, err->sys);
}

int ms_failure(lua_State *L, const struct ms_err *err) {
    luaL_checkstack(L, 2, NULL);
    lua_pushnil(L);
    ms_failure_push(L, err);
    return 2;
}

int ms_failure_raise(lua_State *L, const struct ms_err *err) {
    ms_failure_push(L, err);
    return lua_error(L);
}

int ms_failure_make(lua_State *L) {
    const char *kind = luaL_checkstring(L, 1);
    const char *message = luaL_checkstring(L, 2);
    if (ms_kind_of_name(kind) == 0)
        return luaL_argerror(L, 1, lua_pushfstring(L, "no error kind '%s'", kind));
    push(L, kind, message, (int)luaL_optinteger(L, 3, 0));
    return 1;
}

int ms_failure_kinds(lua_State *L) {
    lua_Integer count = 0;
    lua_newtable(L);
    for (int kind = MS_CANCELED; kind >= MS_DATA_LOSS; kind--) {
        const char *name = ms_kind_name(kind);
        if (ms_kind_of_name(name) != kind)
            continue;
        lua_pushstring(L, name);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

static int to_string(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_getfield(L, 1, "kind");
    lua_getfield(L, 1, "message");
    lua_pushfstring(L, "%s: %s", luaL_tolstring(L, 2, NULL), luaL_tolstring(L, 3, NULL));
    return 1;
}

void ms_failure_setup(lua_State *L) {
    luaL_newmetatable(L, MS_FAILURE);
    lua_pushcfunction(L, to_string);
    lua_setfield(L, -2, "__tostring");
    lua_pop(L, 1);
}
