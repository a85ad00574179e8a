/* The guest's utf8 library: Lua's own, each walk over a string debited. */
#include <lualib.h>

#include "bind/sandbox_guest.h"

#define WALK 8 /* bytes a step */

static int call_own(lua_State *L) { return lua_tocfunction(L, lua_upvalueindex(1))(L); }

static int64_t distance(lua_Integer from, lua_Integer to) {
    return (from < to ? to - from : from - to) / WALK;
}

/* len(s, i, j): debited for what lies between. */
static int utf8_len(lua_State *L) {
    size_t size = 0;
    (void)luaL_checklstring(L, 1, &size);
    lua_Integer most = (lua_Integer)size;
    lua_Integer i = luaL_optinteger(L, 2, 1);
    lua_Integer j = luaL_optinteger(L, 3, -1);
    i = i < 0 ? i + most + 1 : i;
    j = j < 0 ? j + most + 1 : j;
    if (i >= 1 && j <= most && i <= j)
        ms_guest_spend(L, ms_guest_of(L), distance(i, j));
    return call_own(L);
}

/* offset(s, n, i): one walk, debited when it is known how far it went. */
static int utf8_offset(lua_State *L) {
    size_t size = 0;
    (void)luaL_checklstring(L, 1, &size);
    lua_Integer most = (lua_Integer)size;
    lua_Integer n = luaL_checkinteger(L, 2);
    lua_Integer i = luaL_optinteger(L, 3, n > 0 ? 1 : most + 1);
    i = i < 0 ? i + most + 1 : i;
    int results = call_own(L);
    lua_Integer at = lua_isinteger(L, -results) ? lua_tointeger(L, -results) : n > 0 ? most : 0;
    ms_guest_spend(L, ms_guest_of(L), distance(i, at));
    return results;
}

/* What codes(s) iterates with; at the end it has walked to the end. */
static int utf8_next(lua_State *L) {
    size_t size = 0;
    (void)luaL_checklstring(L, 1, &size);
    lua_Integer from = lua_tointeger(L, 2);
    int results = call_own(L);
    lua_Integer to = results >= 2 ? lua_tointeger(L, -results) : (lua_Integer)size;
    ms_guest_spend(L, ms_guest_of(L), distance(from, to));
    return results;
}

static int utf8_codes(lua_State *L) {
    if (call_own(L) != 3)
        return luaL_error(L, "utf8.codes answered something new");
    lua_pushvalue(L, -3);
    lua_pushcclosure(L, utf8_next, 1);
    lua_replace(L, -4);
    return 3;
}

static void wrap(lua_State *L, const char *name, lua_CFunction function) {
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

void ms_guest_open_utf8(lua_State *L) {
    static const struct ms_charge charges[] = {{"char", 2, 1}, {"codepoint", 2, 1}, {NULL, 0, 0}};
    lua_pushcfunction(L, luaopen_utf8);
    lua_call(L, 0, 1);
    ms_guest_charge(L, charges);
    wrap(L, "len", utf8_len);
    wrap(L, "offset", utf8_offset);
    wrap(L, "codes", utf8_codes);
    lua_setglobal(L, LUA_UTF8LIBNAME);
}
