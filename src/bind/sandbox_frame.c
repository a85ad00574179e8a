/* Frames: tables that a script reads as any other, and cannot change. In the guest a frame is an
 * empty table before the one with the content: {} with metatable {__index = content, __newindex =
 * refusal, __len}. What would see the empty table (next, pairs, rawget, ...) is in sandbox_base.c
 * and looks behind it; the refusal's address tells a frame. */
#include "bind/sandbox_guest.h"

static const char frame_key; /* its address, as a key of the metatable: the content */

static int refuse_change(lua_State *L) {
    return luaL_error(L, "this table cannot be changed: '%s'", luaL_tolstring(L, 2, NULL));
}

static int length(lua_State *L) {
    if (ms_frame_open(L, 1))
        lua_pushinteger(L, (lua_Integer)lua_rawlen(L, -1));
    else
        lua_pushinteger(L, 0);
    return 1;
}

bool ms_frame_open(lua_State *L, int index) {
    if (lua_getmetatable(L, index) == 0)
        return false;
    if (lua_rawgetp(L, -1, &frame_key) == LUA_TTABLE) {
        lua_remove(L, -2);
        return true;
    }
    lua_pop(L, 2);
    return false;
}

void ms_frame_wrap(lua_State *L) {
    lua_createtable(L, 0, 0);
    lua_createtable(L, 0, 4);
    lua_pushvalue(L, -3);
    lua_rawsetp(L, -2, &frame_key);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, refuse_change);
    lua_setfield(L, -2, "__newindex");
    lua_pushcfunction(L, length);
    lua_setfield(L, -2, "__len");
    lua_setmetatable(L, -2);
    lua_remove(L, -2);
}
