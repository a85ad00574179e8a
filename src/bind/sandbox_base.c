/* The guest's globals: Lua's, but for what runs text, touches the outside or the collector; and
 * what would catch going over a limit, or see behind a frame, in a form that does not. */
#include <lualib.h>
#include <string.h>

#include "bind/failure.h"
#include "bind/sandbox_guest.h"

#define CHARGE_BYTES 32 /* bytes of a string a step */

/* ---- catching errors -------------------------------------------------------------------------*/

static int finish_pcall(lua_State *L, int status, lua_KContext extra) {
    if (status != LUA_OK && status != LUA_YIELD) {
        ms_guest_pass(L, ms_guest_of(L), status);
        lua_pushboolean(L, 0);
        lua_pushvalue(L, -2);
        return 2;
    }
    return lua_gettop(L) - (int)extra;
}

static int base_pcall(lua_State *L) {
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish_pcall);
    return finish_pcall(L, status, 0);
}

static int finish_handler(lua_State *L, int status, lua_KContext extra) {
    (void)extra;
    if (status != LUA_OK && status != LUA_YIELD)
        ms_guest_pass(L, ms_guest_of(L), status);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

/* The handler is called when the error is caught, not where it was raised: a script cannot see the
 * difference (there is no debug), and there hooks may be off. */
static int finish_xpcall(lua_State *L, int status, lua_KContext extra) {
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - (int)extra;
    ms_guest_pass(L, ms_guest_of(L), status);
    lua_pushvalue(L, 2);
    lua_insert(L, -2);
    status = lua_pcallk(L, 1, 1, 0, 0, finish_handler);
    return finish_handler(L, status, 0);
}

static int base_xpcall(lua_State *L) {
    int count = lua_gettop(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2);
    int status = lua_pcallk(L, count - 2, LUA_MULTRET, 0, 2, finish_xpcall);
    return finish_xpcall(L, status, 2);
}

/* ---- tables and frames -----------------------------------------------------------------------*/

static int base_next(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    if (ms_frame_open(L, 1))
        lua_replace(L, 1);
    if (lua_next(L, 1) != 0)
        return 2;
    lua_pushnil(L);
    return 1;
}

static int finish_pairs(lua_State *L, int status, lua_KContext extra) {
    (void)L, (void)status, (void)extra;
    return 3;
}

static int base_pairs(lua_State *L) {
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") == LUA_TNIL) {
        lua_pushcfunction(L, base_next);
        lua_pushvalue(L, 1);
        lua_pushnil(L);
        return 3;
    }
    lua_pushvalue(L, 1);
    lua_callk(L, 1, 3, 0, finish_pairs);
    return 3;
}

static int base_rawget(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    lua_settop(L, 2);
    if (ms_frame_open(L, 1))
        lua_replace(L, 1);
    lua_rawget(L, 1);
    return 1;
}

static int base_rawlen(lua_State *L) {
    int type = lua_type(L, 1);
    luaL_argexpected(L, type == LUA_TTABLE || type == LUA_TSTRING, 1, "table or string");
    if (ms_frame_open(L, 1))
        lua_replace(L, 1);
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, 1));
    return 1;
}

/* ---- debiting Lua's own functions ------------------------------------------------------------*/

/* Calls the function of upvalue 1 in this very frame; upvalues 2 and 3 are its strings' range. */
static int charged(lua_State *L) {
    struct ms_guest *guest = ms_guest_of(L);
    lua_CFunction function = lua_tocfunction(L, lua_upvalueindex(1));
    int last = (int)lua_tointeger(L, lua_upvalueindex(3));
    int top = lua_gettop(L);
    int64_t bytes = 0;
    for (int arg = (int)lua_tointeger(L, lua_upvalueindex(2)); arg <= last && arg <= top; arg++)
        if (lua_type(L, arg) == LUA_TSTRING)
            bytes += (int64_t)lua_rawlen(L, arg);
    ms_guest_spend(L, guest, bytes / CHARGE_BYTES + top / 4);
    int results = function(L);
    if (results > 4)
        ms_guest_spend(L, guest, results / 4);
    return results;
}

void ms_guest_charge(lua_State *L, const struct ms_charge *charges) {
    for (; charges->name != NULL; charges++) {
        lua_getfield(L, -1, charges->name);
        lua_pushinteger(L, charges->first);
        lua_pushinteger(L, charges->last);
        lua_pushcclosure(L, charged, 3);
        lua_setfield(L, -2, charges->name);
    }
}

/* ---- all of it -------------------------------------------------------------------------------*/

static int failure_text(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_getfield(L, 1, "kind");
    lua_getfield(L, 1, "message");
    lua_pushfstring(L, "%s: %s", luaL_tolstring(L, 2, NULL), luaL_tolstring(L, 3, NULL));
    return 1;
}

/* Error values of the host are such in here, too. */
static void make_failure(lua_State *L) {
    struct ms_guest *guest = ms_guest_of(L);
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, failure_text);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, MS_FAILURE);
    lua_setfield(L, -2, "__metatable");
    guest->failure = lua_topointer(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &guest->failure);
}

void ms_guest_open_base(lua_State *L) {
    static const char *const gone[] = {"collectgarbage", "dofile",     "load",
                                       "loadfile",       "loadstring", "print",
                                       "require",        "warn",       NULL};
    static const luaL_Reg ours[] = {
        {"pcall", base_pcall}, {"xpcall", base_xpcall}, {"next", base_next},
        {"pairs", base_pairs}, {"rawget", base_rawget}, {"rawlen", base_rawlen},
        {NULL, NULL}};
    static const struct ms_charge charges[] = {{"tonumber", 1, 1}, {"select", 1, 1}, {NULL, 0, 0}};
    make_failure(L);
    lua_pushcfunction(L, luaopen_base);
    lua_call(L, 0, 1);
    for (size_t i = 0; gone[i] != NULL; i++) {
        lua_pushnil(L);
        lua_setfield(L, -2, gone[i]);
    }
    luaL_setfuncs(L, ours, 0);
    ms_guest_charge(L, charges);
    ms_guest_add_meta(L);
    lua_pop(L, 1);
    lua_pushcfunction(L, luaopen_math);
    lua_call(L, 0, 1);
    lua_setglobal(L, LUA_MATHLIBNAME);
}

void ms_guest_set(lua_State *L, const char *name) {
    const char *dot = strchr(name, '.');
    if (dot == NULL) {
        lua_setglobal(L, name);
        return;
    }
    lua_pushglobaltable(L);
    lua_pushlstring(L, name, (size_t)(dot - name));
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_createtable(L, 0, 4);
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, -5);
    }
    lua_pushstring(L, dot + 1);
    lua_pushvalue(L, -5);
    lua_rawset(L, -3);
    lua_pop(L, 4);
}
