/* Frames: tables that a script reads as any other, and cannot change. In the guest a frame is an
 * empty table before the one with the content: {} with metatable {__index = content, __newindex =
 * refusal, and __len for a list}. What would see the empty table (next, pairs, rawget, ...) is in
 * sandbox_base.c and looks behind it; the refusal, which no script can get at, tells a frame. They
 * are made for each request: hence as little as that. */
#include "bind/sandbox_guest.h"

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
    lua_pushliteral(L, "__newindex");
    (void)lua_rawget(L, -2);
    bool is_frame = lua_tocfunction(L, -1) == refuse_change;
    lua_pop(L, 1);
    if (is_frame) {
        lua_pushliteral(L, "__index");
        (void)lua_rawget(L, -2);
        lua_remove(L, -2);
    } else {
        lua_pop(L, 1);
    }
    return is_frame;
}

void ms_frame_wrap(lua_State *L) {
    bool is_list = lua_rawlen(L, -1) > 0;
    lua_createtable(L, 0, 0);
    lua_createtable(L, 0, is_list ? 3 : 2);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, refuse_change);
    lua_setfield(L, -2, "__newindex");
    if (is_list) {
        lua_pushcfunction(L, length);
        lua_setfield(L, -2, "__len");
    }
    lua_setmetatable(L, -2);
    lua_remove(L, -2);
}
