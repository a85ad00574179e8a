/* Values from the host to the guest. Runs within the guest's protection: nothing here may raise in
 * the host, so it is read with functions that never do. */
#include <stdio.h>
#include <string.h>

#include "bind/sandbox_guest.h"

void ms_cross_step(struct ms_crossing *copy, lua_State *L, int index) {
    char rest[sizeof copy->where];
    char key[64];
    memcpy(rest, copy->where, sizeof rest);
    if (lua_type(L, index) == LUA_TSTRING)
        (void)snprintf(key, sizeof key, ".%s", lua_tolstring(L, index, NULL));
    else if (lua_type(L, index) == LUA_TNUMBER)
        (void)snprintf(key, sizeof key, "[%.14g]", (double)lua_tonumber(L, index));
    else
        (void)snprintf(key, sizeof key, "[%s]", lua_typename(L, lua_type(L, index)));
    if (snprintf(copy->where, sizeof copy->where, "%s%s", key, rest) >= (int)sizeof copy->where)
        memcpy(copy->where + sizeof copy->where - 4, "...", 4);
}

static bool refuse(struct ms_crossing *copy, const char *why) {
    copy->why = why;
    return false;
}

/* The address of the metatable of the host's value at index, or NULL. */
static const void *class_of(lua_State *H, int index) {
    if (lua_getmetatable(H, index) == 0)
        return NULL;
    const void *class = lua_topointer(H, -1);
    lua_pop(H, 1);
    return class;
}

static bool handle_in(struct ms_crossing *copy, int index) {
    const struct ms_guest *guest = copy->guest;
    const void *class = class_of(copy->from, index);
    if (class == NULL || (class != guest->host_function && class != guest->host_frame))
        return refuse(copy, "a userdata");
    struct ms_handle *const *object = lua_touserdata(copy->from, index);
    if (*object == NULL || (*object)->ref == LUA_NOREF)
        return refuse(copy, "closed");
    if ((*object)->guest != guest)
        return refuse(copy, "of another sandbox");
    lua_rawgeti(copy->to, LUA_REGISTRYINDEX, (*object)->ref);
    return true;
}

/* Pushes the frame that the table of kept ones has for the table at index; false when it has none.
 */
static bool kept_in(struct ms_crossing *copy, int index, int top) {
    lua_State *H = copy->from;
    lua_pushvalue(H, index);
    bool found = lua_rawget(H, copy->kept) == LUA_TUSERDATA && handle_in(copy, top + 1);
    lua_settop(H, top);
    return found;
}

/* Room for as much in a frame, which lives for one request: counting first would cost more. */
#define FRAME_FIELDS 8

/* How many pairs the table at index has, up to a few. */
static int count_of(lua_State *H, int index) {
    int count = 0;
    lua_pushnil(H);
    while (lua_next(H, index) != 0) {
        lua_pop(H, 1);
        if (++count == 64) {
            lua_pop(H, 1);
            break;
        }
    }
    return count;
}

static bool key_in(struct ms_crossing *copy, int index) {
    int type = lua_type(copy->from, index);
    if (type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN)
        return ms_cross_in(copy, index);
    return refuse(copy, "a key that is no string, number or boolean");
}

static bool pairs_in(struct ms_crossing *copy, int index) {
    lua_State *H = copy->from;
    lua_State *G = copy->to;
    lua_pushnil(H);
    while (lua_next(H, index) != 0) {
        if (++copy->entries > MS_GUEST_ENTRIES)
            return refuse(copy, "more than 1000000 entries");
        int top = lua_gettop(H);
        if (!key_in(copy, top - 1))
            return false;
        if (!ms_cross_in(copy, top)) {
            ms_cross_step(copy, H, top - 1);
            return false;
        }
        lua_rawset(G, -3);
        lua_pop(H, 1);
    }
    return true;
}

static bool table_in(struct ms_crossing *copy, int index) {
    lua_State *H = copy->from;
    int list = (int)lua_rawlen(H, index);
    int many = copy->frame && list == 0 ? FRAME_FIELDS : count_of(H, index);
    int narr = list <= many || many == 64 ? list : 0;
    lua_createtable(copy->to, narr > MS_GUEST_ENTRIES ? 0 : narr, many > narr ? many - narr : 0);
    if (!pairs_in(copy, index))
        return false;
    if (class_of(H, index) == copy->guest->host_failure && !copy->frame) {
        lua_rawgetp(copy->to, LUA_REGISTRYINDEX, &copy->guest->failure);
        lua_setmetatable(copy->to, -2);
    } else if (copy->frame) {
        ms_frame_wrap(copy->to);
    }
    return true;
}

bool ms_cross_in(struct ms_crossing *copy, int index) {
    lua_State *H = copy->from;
    lua_State *G = copy->to;
    size_t size = 0;
    switch (lua_type(H, index)) {
    case LUA_TNIL:
        lua_pushnil(G);
        return true;
    case LUA_TBOOLEAN:
        lua_pushboolean(G, lua_toboolean(H, index));
        return true;
    case LUA_TNUMBER:
        if (lua_isinteger(H, index))
            lua_pushinteger(G, lua_tointeger(H, index));
        else
            lua_pushnumber(G, lua_tonumber(H, index));
        return true;
    case LUA_TSTRING: {
        const char *text = lua_tolstring(H, index, &size);
        (void)lua_pushlstring(G, text, size);
        return true;
    }
    case LUA_TTABLE: {
        if (copy->depth == MS_GUEST_DEPTH)
            return refuse(copy, "tables too deep in each other, or one that holds itself");
        if (!lua_checkstack(H, 6))
            return refuse(copy, "no room on the host's stack");
        luaL_checkstack(G, 6, NULL);
        int top = lua_gettop(H);
        if (copy->kept != 0 && copy->depth > 0 && kept_in(copy, index, top))
            return true;
        copy->depth++;
        bool copied = table_in(copy, index);
        copy->depth--;
        lua_settop(H, top);
        return copied;
    }
    case LUA_TUSERDATA:
        return handle_in(copy, index);
    default:
        return refuse(copy, lua_typename(H, lua_type(H, index)));
    }
}
