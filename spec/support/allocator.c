/* allocator.c - lets one allocation of a Lua state fail, so that specs see what Lua's "not enough
 * memory" leaves behind.
 *
 *     arm(n)      the n-th allocation from now fails, and Lua's second try at it too
 *     disarm()    -> did it fail? Nothing fails from here on
 *
 * For one Lua state in one process.
 */
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

int luaopen_allocator(lua_State *L);

static struct {
    lua_Alloc inner;
    void *inner_ud;
    lua_Integer left; /* growing allocations until the one that fails; < 0: none does */
    int failures;
} gate = {.left = -1};

static void *allocate(void *ud, void *block, size_t old_size, size_t size) {
    (void)ud;
    bool grows = size > (block != NULL ? old_size : 0);
    if (grows && gate.left == 0) {
        if (++gate.failures == 2)
            gate.left = -1; /* the second try is over */
        return NULL;
    }
    if (grows && gate.left > 0)
        gate.left--;
    return gate.inner(gate.inner_ud, block, old_size, size);
}

static int arm(lua_State *L) {
    gate.failures = 0;
    gate.left = luaL_checkinteger(L, 1) - 1;
    return 0;
}

static int disarm(lua_State *L) {
    gate.left = -1;
    lua_pushboolean(L, gate.failures > 0);
    return 1;
}

int luaopen_allocator(lua_State *L) {
    static const luaL_Reg functions[] = {{"arm", arm}, {"disarm", disarm}, {NULL, NULL}};
    luaL_newlib(L, functions);
    gate.inner = lua_getallocf(L, &gate.inner_ud);
    lua_setallocf(L, allocate, NULL);
    return 1;
}
