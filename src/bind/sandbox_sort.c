/* table.sort: a merge sort, so that no order of elements and no comparison makes it slow; it is
 * stable, and what a comparison sees does not depend on chance (Lua's own picks pivots by the
 * clock). */
#include "bind/sandbox_guest.h"

enum { LIST = 1, ORDER = 2, FROM = 3, TO = 4 }; /* on the stack */

struct sort {
    lua_State *L;
    struct ms_guest *guest;
    bool ordered; /* by a function of the script */
};

/* Whether the value at left on the stack comes before the one at right. */
static bool precedes(struct sort *sort, int left, int right) {
    lua_State *L = sort->L;
    if (!sort->ordered) {
        int64_t size = 0;
        if (lua_type(L, left) == LUA_TSTRING && lua_type(L, right) == LUA_TSTRING)
            size = (int64_t)(lua_rawlen(L, left) + lua_rawlen(L, right)) / 32;
        ms_guest_spend(L, sort->guest, 1 + size);
        return lua_compare(L, left, right, LUA_OPLT) != 0;
    }
    ms_guest_spend(L, sort->guest, 1);
    lua_pushvalue(L, ORDER);
    lua_pushvalue(L, left);
    lua_pushvalue(L, right);
    lua_call(L, 2, 1);
    bool before = lua_toboolean(L, -1) != 0;
    lua_pop(L, 1);
    return before;
}

/* Merges FROM's runs [first, middle) and [middle, end) into TO. */
static void merge(struct sort *sort, lua_Integer first, lua_Integer middle, lua_Integer end) {
    lua_State *L = sort->L;
    lua_Integer left = first;
    lua_Integer right = middle;
    int top = lua_gettop(L);
    for (lua_Integer to = first; to < end; to++) {
        bool take_right = left >= middle;
        if (left < middle && right < end) {
            lua_rawgeti(L, FROM, left);
            lua_rawgeti(L, FROM, right);
            take_right = precedes(sort, top + 2, top + 1);
            lua_settop(L, top);
        }
        lua_rawgeti(L, FROM, take_right ? right++ : left++);
        lua_rawseti(L, TO, to);
    }
    ms_guest_spend(L, sort->guest, (end - first) / 4);
}

static void sort_all(struct sort *sort, lua_Integer size) {
    for (lua_Integer run = 1; run < size; run *= 2) {
        for (lua_Integer first = 1; first <= size; first += 2 * run) {
            lua_Integer middle = first + run <= size ? first + run : size + 1;
            lua_Integer end = first + 2 * run <= size ? first + 2 * run : size + 1;
            merge(sort, first, middle, end);
        }
        lua_pushvalue(sort->L, FROM);
        lua_copy(sort->L, TO, FROM);
        lua_replace(sort->L, TO);
    }
}

int ms_table_sort(lua_State *L) {
    struct sort sort = {L, ms_guest_of(L), !lua_isnoneornil(L, 2)};
    luaL_checktype(L, LIST, LUA_TTABLE);
    lua_Integer size = luaL_len(L, LIST);
    if (size < 2)
        return 0;
    if (sort.ordered)
        luaL_checktype(L, ORDER, LUA_TFUNCTION);
    luaL_argcheck(L, size < INT32_MAX, LIST, "array too big");
    ms_guest_spend(L, sort.guest, size / 4);
    lua_settop(L, ORDER);
    lua_createtable(L, 0, 0);
    lua_createtable(L, 0, 0);
    for (lua_Integer i = 1; i <= size; i++) {
        lua_geti(L, LIST, i);
        lua_rawseti(L, FROM, i);
        if (i % 1024 == 0)
            ms_guest_spend(L, sort.guest, 1024);
    }
    sort_all(&sort, size);
    for (lua_Integer i = 1; i <= size; i++) {
        lua_rawgeti(L, FROM, i);
        lua_seti(L, LIST, i);
    }
    return 0;
}
