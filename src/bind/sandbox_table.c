/* The guest's table library. All of it is ours: ranges may be huge, and lengths lie (__len). */
#include <lualib.h>

#include "bind/sandbox_guest.h"

/* Steps of a loop, debited in portions. */
struct steps {
    lua_State *L;
    struct ms_guest *guest;
    int count;
};

#define PORTION 64

static void step(struct steps *steps) {
    if (++steps->count < PORTION)
        return;
    steps->count = 0;
    ms_guest_spend(steps->L, steps->guest, PORTION);
}

static void done(struct steps *steps) { ms_guest_spend(steps->L, steps->guest, steps->count + 1); }

static lua_Integer length_of(lua_State *L, int arg) {
    luaL_checktype(L, arg, LUA_TTABLE);
    return luaL_len(L, arg);
}

static int table_insert(lua_State *L) {
    struct steps steps = {L, ms_guest_of(L), 0};
    lua_Integer end = (lua_Integer)((lua_Unsigned)length_of(L, 1) + 1);
    int args = lua_gettop(L);
    lua_Integer at = end;
    if (args == 3) {
        at = luaL_checkinteger(L, 2);
        luaL_argcheck(L, (lua_Unsigned)at - 1U < (lua_Unsigned)end, 2, "position out of bounds");
        for (lua_Integer i = end; i > at; i--) {
            lua_geti(L, 1, i - 1);
            lua_seti(L, 1, i);
            step(&steps);
        }
    } else if (args != 2) {
        return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    lua_seti(L, 1, at);
    done(&steps);
    return 0;
}

static int table_remove(lua_State *L) {
    struct steps steps = {L, ms_guest_of(L), 0};
    lua_Integer size = length_of(L, 1);
    lua_Integer at = luaL_optinteger(L, 2, size);
    if (at != size)
        luaL_argcheck(L, (lua_Unsigned)at - 1U <= (lua_Unsigned)size, 2, "position out of bounds");
    lua_settop(L, 1);
    lua_geti(L, 1, at);
    for (; at < size; at++) {
        lua_geti(L, 1, at + 1);
        lua_seti(L, 1, at);
        step(&steps);
    }
    lua_pushnil(L);
    lua_seti(L, 1, at);
    done(&steps);
    return 1;
}

static int table_move(lua_State *L) {
    struct steps steps = {L, ms_guest_of(L), 0};
    lua_Integer first = luaL_checkinteger(L, 2);
    lua_Integer last = luaL_checkinteger(L, 3);
    lua_Integer to = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, target, LUA_TTABLE);
    if (last >= first) {
        luaL_argcheck(L, first > 0 || last < LUA_MAXINTEGER + first, 3,
                      "too many elements to move");
        lua_Integer count = last - first + 1;
        luaL_argcheck(L, to <= LUA_MAXINTEGER - count + 1, 4, "destination wrap around");
        bool forwards = to > last || to <= first || (target != 1 && !lua_rawequal(L, 1, target));
        for (lua_Integer i = 0; i < count; i++) {
            lua_Integer offset = forwards ? i : count - 1 - i;
            lua_geti(L, 1, first + offset);
            lua_seti(L, target, to + offset);
            step(&steps);
        }
    }
    done(&steps);
    lua_pushvalue(L, target);
    return 1;
}

static int table_concat(lua_State *L) {
    struct steps steps = {L, ms_guest_of(L), 0};
    size_t size = 0;
    lua_Integer last = length_of(L, 1);
    const char *separator = luaL_optlstring(L, 2, "", &size);
    lua_Integer i = luaL_optinteger(L, 3, 1);
    last = luaL_optinteger(L, 4, last);
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (; i <= last; i++) {
        lua_geti(L, 1, i);
        if (!lua_isstring(L, -1))
            return luaL_error(L, "invalid value (%s) at index %I in table for 'concat'",
                              luaL_typename(L, -1), (LUAI_UACINT)i);
        luaL_addvalue(&buffer);
        step(&steps);
        if (i == last)
            break;
        luaL_addlstring(&buffer, separator, size);
    }
    luaL_pushresult(&buffer);
    done(&steps);
    return 1;
}

static int table_unpack(lua_State *L) {
    lua_Integer first = luaL_optinteger(L, 2, 1);
    lua_Integer last = lua_isnoneornil(L, 3) ? length_of(L, 1) : luaL_checkinteger(L, 3);
    luaL_checktype(L, 1, LUA_TTABLE);
    if (first > last)
        return 0;
    lua_Unsigned count = (lua_Unsigned)last - (lua_Unsigned)first;
    if (count >= 1000000 || !lua_checkstack(L, (int)count + 1))
        return luaL_error(L, "too many results to unpack");
    ms_guest_spend(L, ms_guest_of(L), (int64_t)count + 1);
    for (lua_Unsigned i = 0; i <= count; i++)
        lua_geti(L, 1, (lua_Integer)((lua_Unsigned)first + i));
    return (int)count + 1;
}

static int table_pack(lua_State *L) {
    int count = lua_gettop(L);
    ms_guest_spend(L, ms_guest_of(L), count + 1);
    lua_createtable(L, count, 1);
    lua_insert(L, 1);
    for (int i = count; i >= 1; i--)
        lua_rawseti(L, 1, i);
    lua_pushinteger(L, count);
    lua_setfield(L, 1, "n");
    return 1;
}

void ms_guest_open_table(lua_State *L) {
    static const luaL_Reg functions[] = {{"insert", table_insert}, {"remove", table_remove},
                                         {"move", table_move},     {"concat", table_concat},
                                         {"unpack", table_unpack}, {"pack", table_pack},
                                         {"sort", ms_table_sort},  {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setglobal(L, LUA_TABLIBNAME);
}
