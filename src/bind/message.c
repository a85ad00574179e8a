#include "bind/message.h"

#include <lauxlib.h>

#include "base/err.h"
#include "bind/failure.h"
#include "bind/message_plan.h"

#define TYPE "moonsnap.message.Type"

struct type {
    const struct ms_plan *plan;
};

const struct ms_plan *ms_message_check(lua_State *L, int arg) {
    const struct type *type = luaL_checkudata(L, arg, TYPE);
    return type->plan;
}

/* type(name) */
static int type_of(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    const struct ms_plan *plan = ms_plan_find(ms_plans_of(L), name);
    if (plan == NULL)
        return luaL_argerror(L, 1, lua_pushfstring(L, "no message type '%s'", name));
    struct type *type = lua_newuserdatauv(L, sizeof *type, 0);
    type->plan = plan;
    luaL_setmetatable(L, TYPE);
    return 1;
}

/* type:decode(bytes) */
static int decode(lua_State *L) {
    const struct ms_plan *plan = ms_message_check(L, 1);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    struct ms_err err;
    if (ms_message_decode(L, plan, bytes, size, &err) < 0)
        return ms_failure(L, &err);
    return 1;
}

/* type:encode(message) */
static int encode(lua_State *L) {
    const struct ms_plan *plan = ms_message_check(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    struct ms_text *spare = &ms_plans_of(L)->spare;
    spare->size = 0;
    ms_message_encode(L, 2, plan, spare);
    lua_pushlstring(L, spare->size != 0 ? spare->bytes : "", spare->size);
    return 1;
}

static int describe(lua_State *L) {
    lua_pushfstring(L, "message type %s", ms_message_check(L, 1)->name);
    return 1;
}

void ms_message_push(lua_State *L) {
    static const luaL_Reg methods[] = {{"decode", decode}, {"encode", encode}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"type", type_of}, {NULL, NULL}};
    ms_plans_setup(L);
    luaL_newmetatable(L, TYPE);
    lua_pushcfunction(L, describe);
    lua_setfield(L, -2, "__tostring");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
}
