/* The guest's string library: Lua's own functions where one call is soon over, debited; ours where
 * it could go on for ever. Strings have no metatable that a script could reach. */
#include <lualib.h>
#include <string.h>

#include "bind/sandbox_guest.h"

#define NUMERAL 200 /* bytes of a string that arithmetic takes for a number, at most: as Lua's */

static int string_rep(lua_State *L) {
    size_t size = 0;
    size_t between = 0;
    const char *text = luaL_checklstring(L, 1, &size);
    lua_Integer count = luaL_checkinteger(L, 2);
    const char *separator = luaL_optlstring(L, 3, "", &between);
    if (count <= 0 || size + between == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (size + between < size || size + between > (size_t)LUA_MAXINTEGER / (size_t)count)
        return luaL_error(L, "resulting string too large");
    size_t total = (size_t)count * size + (size_t)(count - 1) * between;
    ms_guest_spend(L, ms_guest_of(L), (int64_t)(total / 32));
    luaL_Buffer buffer;
    char *to = luaL_buffinitsize(L, &buffer, total);
    for (; count > 0; count--) {
        memcpy(to, text, size);
        to += size;
        if (count > 1 && between != 0) {
            memcpy(to, separator, between);
            to += between;
        }
    }
    luaL_pushresultsize(&buffer, total);
    return 1;
}

/* ---- arithmetic on strings -------------------------------------------------------------------*/

static void push_number(lua_State *L, int arg) {
    size_t size = 0;
    if (lua_type(L, arg) == LUA_TNUMBER) {
        lua_pushvalue(L, arg);
        return;
    }
    const char *text = lua_type(L, arg) == LUA_TSTRING ? lua_tolstring(L, arg, &size) : NULL;
    if (text == NULL || size > NUMERAL || lua_stringtonumber(L, text) != size + 1)
        luaL_error(L, "attempt to perform arithmetic on a %s value", luaL_typename(L, arg));
}

/* Upvalue: the operation. The other operand may have a metamethod of its own, as Lua has it. */
static int arithmetic(lua_State *L) {
    const char *event = lua_tostring(L, lua_upvalueindex(2));
    if (lua_type(L, 2) != LUA_TSTRING && luaL_getmetafield(L, 2, event) != LUA_TNIL) {
        lua_insert(L, 1);
        lua_settop(L, 3);
        lua_call(L, 2, 1);
        return 1;
    }
    lua_settop(L, 2);
    push_number(L, 1);
    push_number(L, 2);
    lua_arith(L, (int)lua_tointeger(L, lua_upvalueindex(1)));
    return 1;
}

static void make_metatable(lua_State *L) {
    static const struct {
        const char *event;
        int operation;
    } events[] = {{"__add", LUA_OPADD},   {"__sub", LUA_OPSUB}, {"__mul", LUA_OPMUL},
                  {"__mod", LUA_OPMOD},   {"__pow", LUA_OPPOW}, {"__div", LUA_OPDIV},
                  {"__idiv", LUA_OPIDIV}, {"__unm", LUA_OPUNM}};
    lua_createtable(L, 0, 12);
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        lua_pushinteger(L, events[i].operation);
        lua_pushstring(L, events[i].event);
        lua_pushcclosure(L, arithmetic, 2);
        lua_setfield(L, -2, events[i].event);
    }
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
}

void ms_guest_open_string(lua_State *L) {
    static const luaL_Reg ours[] = {{"rep", string_rep},       {"find", ms_match_find},
                                    {"match", ms_match_match}, {"gmatch", ms_match_gmatch},
                                    {"gsub", ms_match_gsub},   {NULL, NULL}};
    static const struct ms_charge charges[] = {
        {"byte", 2, 1},     {"char", 2, 1},   {"lower", 1, 1},  {"upper", 1, 1},
        {"reverse", 1, 1},  {"pack", 1, 255}, {"unpack", 1, 1}, {"packsize", 1, 1},
        {"format", 1, 255}, {NULL, 0, 0}};
    lua_pushcfunction(L, luaopen_string);
    lua_call(L, 0, 1);
    lua_pushnil(L);
    lua_setfield(L, -2, "dump");
    ms_guest_charge(L, charges);
    luaL_setfuncs(L, ours, 0);
    lua_pushliteral(L, "");
    make_metatable(L);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
    lua_setglobal(L, LUA_STRLIBNAME);
}
