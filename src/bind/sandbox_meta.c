/* Metatables, without two things that let a script run where no count reaches, and one that lets it
 * write where it likes:
 *
 *     __gc      finalizers run whenever memory is asked for
 *     __mode    weak tables: a collection takes time by the square of what is in those with weak
 *               keys (measured: 10,000 pairs 0.3 s, 40,000 5 s), all of it in one piece
 *     __concat  Lua before 5.4.5 forgets that the stack may have moved behind one, and goes on in
 *               memory that is free
 *
 * Lua looks for __gc when a metatable is set, so there it is refused. It looks for __mode at each
 * collection, so it must not get into a metatable later either: a table that became one is guarded
 * by a metatable of its own, whose __newindex refuses that name. getmetatable does not show guards.
 * A guard of a table that had a metatable holds what that one held. */
#include <string.h>

#include "bind/sandbox_guest.h"

static const char guard_key; /* its address, as a key of a guard: what the script gave, or false */

static const char *const refused[] = {"__mode", "__gc", "__concat"};

static int refuse(lua_State *L, const char *name) {
    return luaL_error(L, "metatables have no '%s' in a sandbox", name);
}

/* Raises when the metatable at index holds what none may hold. */
static void check_fields(lua_State *L, int index) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        lua_pushstring(L, refused[i]);
        if (lua_rawget(L, index) != LUA_TNIL)
            (void)refuse(L, refused[i]);
        lua_pop(L, 1);
    }
}

static void check_key(lua_State *L, int index) {
    if (lua_type(L, index) != LUA_TSTRING)
        return;
    const char *key = lua_tostring(L, index);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcmp(key, refused[i]) == 0)
            (void)refuse(L, key);
}

/* Pushes what the script gave as metatable of the value at index: 1; nothing: 0. */
static bool push_given(lua_State *L, int index) {
    if (lua_getmetatable(L, index) == 0)
        return false;
    int type = lua_rawgetp(L, -1, &guard_key);
    if (type == LUA_TNIL) { /* no guard */
        lua_pop(L, 1);
        return true;
    }
    lua_remove(L, -2);
    if (type == LUA_TTABLE)
        return true;
    lua_pop(L, 1);
    return false;
}

static bool is_guarded(lua_State *L, int index) {
    if (lua_getmetatable(L, index) == 0)
        return false;
    bool guarded = lua_rawgetp(L, -1, &guard_key) != LUA_TNIL;
    lua_pop(L, 2);
    return guarded;
}

/* __newindex of guards: (table, key, value). */
static int guarded_newindex(lua_State *L) {
    check_key(L, 2);
    lua_settop(L, 3);
    if (push_given(L, 1)) {
        lua_pushliteral(L, "__newindex");
        int type = lua_rawget(L, 4);
        if (type == LUA_TFUNCTION) {
            lua_insert(L, 1);
            lua_settop(L, 4);
            lua_call(L, 3, 0);
            return 0;
        }
        if (type == LUA_TTABLE) {
            lua_insert(L, 2);
            lua_settop(L, 4);
            lua_settable(L, 2);
            return 0;
        }
        lua_settop(L, 3);
    }
    lua_rawset(L, 1);
    return 0;
}

/* Sets a guard as metatable of the table at index; given: of the metatable that it shall appear to
 * have, 0 for none. */
static void guard(lua_State *L, int index, int given) {
    if (given == 0 && lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key) == LUA_TTABLE) {
        lua_setmetatable(L, index); /* one for all tables without a metatable */
        return;
    }
    lua_settop(L, lua_gettop(L) - (given == 0));
    lua_createtable(L, 0, 4);
    int made = lua_gettop(L);
    if (given != 0) {
        lua_pushnil(L);
        while (lua_next(L, given) != 0) {
            ms_guest_spend(L, ms_guest_of(L), 1);
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, made);
        }
        lua_pushvalue(L, given);
    } else {
        lua_pushboolean(L, 0);
    }
    lua_rawsetp(L, made, &guard_key);
    lua_pushcfunction(L, guarded_newindex);
    lua_setfield(L, made, "__newindex");
    if (given == 0) {
        lua_pushvalue(L, made);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &guard_key);
    }
    lua_setmetatable(L, index);
}

static int base_getmetatable(lua_State *L) {
    luaL_checkany(L, 1);
    if (ms_frame_open(L, 1) || !push_given(L, 1)) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushliteral(L, "__metatable");
    if (lua_rawget(L, -2) == LUA_TNIL)
        lua_pop(L, 1);
    return 1;
}

/* Makes the table at index fit to be a metatable. */
static void make_metatable(lua_State *L, int index) {
    luaL_argcheck(L, !ms_frame_open(L, index), index, "a table that cannot be changed");
    check_fields(L, index);
    if (is_guarded(L, index))
        return;
    ms_guest_spend(L, ms_guest_of(L), 1);
    guard(L, index, lua_getmetatable(L, index) != 0 ? lua_gettop(L) : 0);
    lua_settop(L, 2);
}

static int base_setmetatable(lua_State *L) {
    int type = lua_type(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    lua_settop(L, 2);
    if (ms_frame_open(L, 1))
        return luaL_error(L, "this table cannot be changed");
    if (push_given(L, 1)) {
        lua_pushliteral(L, "__metatable");
        if (lua_rawget(L, -2) != LUA_TNIL)
            return luaL_error(L, "cannot change a protected metatable");
        lua_settop(L, 2);
    }
    bool guarded = is_guarded(L, 1);
    if (type == LUA_TTABLE)
        make_metatable(L, 2);
    if (guarded) {
        guard(L, 1, type == LUA_TTABLE ? 2 : 0);
    } else {
        lua_pushvalue(L, 2);
        lua_setmetatable(L, 1);
    }
    lua_settop(L, 1);
    return 1;
}

static int base_rawset(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    luaL_checkany(L, 3);
    lua_settop(L, 3);
    if (ms_frame_open(L, 1))
        return luaL_error(L, "this table cannot be changed");
    check_key(L, 2);
    lua_rawset(L, 1);
    return 1;
}

void ms_guest_add_meta(lua_State *L) {
    static const luaL_Reg functions[] = {{"getmetatable", base_getmetatable},
                                         {"setmetatable", base_setmetatable},
                                         {"rawset", base_rawset},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
