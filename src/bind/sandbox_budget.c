/* Budgets as the host gives them: {instructions =, seconds =, memory =, slice =}. */
#include <math.h>

#include "bind/sandbox_guest.h"

static int64_t integer_of(lua_State *H, int index, const char *name, int64_t without) {
    int type = lua_getfield(H, index, name);
    int64_t value = without;
    if (type != LUA_TNIL) {
        int exact = 0;
        value = lua_tointegerx(H, -1, &exact);
        if (!exact || value < 0)
            luaL_error(H, "budget: %s: a number of at least 0 expected", name);
    }
    lua_pop(H, 1);
    return value;
}

static int64_t ns_of(lua_State *H, int index, const char *name) {
    int64_t ns = INT64_MAX;
    if (lua_getfield(H, index, name) != LUA_TNIL) {
        double seconds = lua_type(H, -1) == LUA_TNUMBER ? lua_tonumber(H, -1) : -1;
        if (isnan(seconds) || seconds < 0)
            luaL_error(H, "budget: %s: a number of at least 0 expected", name);
        ns = seconds < 1e9 ? (int64_t)(seconds * 1e9) : INT64_MAX;
    }
    lua_pop(H, 1);
    return ns;
}

void ms_sandbox_budget(lua_State *H, int index, struct ms_budget *out) {
    static const struct ms_budget none = {INT64_MAX, INT64_MAX, INT64_MAX, -1};
    *out = none;
    if (lua_isnoneornil(H, index))
        return;
    luaL_checktype(H, index, LUA_TTABLE);
    out->instructions = integer_of(H, index, "instructions", INT64_MAX);
    out->bytes = integer_of(H, index, "memory", -1);
    out->ns = ns_of(H, index, "seconds");
    out->slice_ns = ns_of(H, index, "slice");
}
