/* Values from the guest to the host. Runs where the host may raise: nothing here may raise in the
 * guest. */
#include <stdlib.h>
#include <string.h>

#include "bind/failure.h"
#include "bind/sandbox_guest.h"

static bool refuse(struct ms_crossing *copy, const char *why) {
    copy->why = why;
    return false;
}

/* Whether the key at index may be chosen so that it collides with many others in the host's table,
 * which would take the square of their number: any number but small integers. */
static bool is_wild(lua_State *G, int index) {
    const lua_Integer small = 1 << 20;
    if (lua_type(G, index) != LUA_TNUMBER)
        return false;
    lua_Integer key = lua_isinteger(G, index) ? lua_tointeger(G, index) : small;
    return key <= -small || key >= small;
}

static bool copy_key(struct ms_crossing *copy, int index) {
    int type = lua_type(copy->from, index);
    if (type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN)
        return ms_cross_out(copy, index, 0);
    return refuse(copy, "a key that is no string, number or boolean");
}

static bool copy_pairs(struct ms_crossing *copy, int index, int box) {
    lua_State *G = copy->from;
    lua_pushnil(G);
    while (lua_next(G, index) != 0) {
        if (++copy->entries > MS_GUEST_ENTRIES)
            return refuse(copy, "more than 1000000 entries");
        int top = lua_gettop(G);
        if (is_wild(G, top - 1) && ++copy->wild > MS_GUEST_WILD)
            return refuse(copy, "more than 8192 keys that are fractions or beyond a million");
        if (!copy_key(copy, top - 1))
            return false;
        if (!ms_cross_out(copy, top, box)) {
            ms_cross_step(copy, G, top - 1);
            return false;
        }
        lua_rawset(copy->to, -3);
        lua_pop(G, 1);
    }
    return true;
}

/* Whether the table at index is an error value. */
static bool is_failure(const struct ms_crossing *copy, int index) {
    if (lua_getmetatable(copy->from, index) == 0)
        return false;
    bool is = lua_topointer(copy->from, -1) == copy->guest->failure;
    lua_pop(copy->from, 1);
    return is;
}

/* Makes the table on top of the host an error value of ours, whatever a script did to it. */
static void mend_failure(lua_State *H) {
    if (lua_getfield(H, -1, "kind") != LUA_TSTRING || ms_kind_of_name(lua_tostring(H, -1)) == 0) {
        lua_pushliteral(H, "internal");
        lua_setfield(H, -3, "kind");
    }
    if (lua_getfield(H, -2, "message") != LUA_TSTRING) {
        lua_pushliteral(H, "an error without a message");
        lua_setfield(H, -4, "message");
    }
    lua_pop(H, 2);
    luaL_setmetatable(H, MS_FAILURE);
}

static bool copy_table(struct ms_crossing *copy, int index, int box) {
    lua_State *G = copy->from;
    lua_State *H = copy->to;
    if (copy->depth == MS_GUEST_DEPTH)
        return refuse(copy, "tables too deep in each other, or one that holds itself");
    if (!lua_checkstack(G, 8))
        return refuse(copy, "no room on its stack");
    luaL_checkstack(H, 8, NULL);
    int top = lua_gettop(G);
    bool failure = is_failure(copy, index);
    lua_createtable(H, 0, 0);
    if (ms_frame_open(G, index))
        index = lua_gettop(G);
    copy->depth++;
    bool copied = copy_pairs(copy, index, box);
    copy->depth--;
    lua_settop(G, top);
    if (copied && failure)
        mend_failure(H);
    return copied;
}

bool ms_cross_out(struct ms_crossing *copy, int index, int box) {
    lua_State *G = copy->from;
    lua_State *H = copy->to;
    size_t size = 0;
    switch (lua_type(G, index)) {
    case LUA_TNIL:
        lua_pushnil(H);
        return true;
    case LUA_TBOOLEAN:
        lua_pushboolean(H, lua_toboolean(G, index));
        return true;
    case LUA_TNUMBER:
        if (lua_isinteger(G, index))
            lua_pushinteger(H, lua_tointeger(G, index));
        else
            lua_pushnumber(H, lua_tonumber(G, index));
        return true;
    case LUA_TSTRING: {
        const char *text = lua_tolstring(G, index, &size);
        (void)lua_pushlstring(H, text, size);
        return true;
    }
    case LUA_TTABLE:
        return copy_table(copy, index, box);
    case LUA_TFUNCTION:
        if (box == 0 || !ms_handle_push(copy, index, box))
            return refuse(copy, "a function that there is no memory for");
        return true;
    default:
        return refuse(copy, lua_typename(G, lua_type(G, index)));
    }
}
