/* Any text as a script: its call ends within its limits, and the sandbox is of use afterwards.
 *
 * Words and slices are answered a few times; what comes out goes in again. Nothing raises in the
 * host but what a script cannot cause.
 */
#include <assert.h>
#include <lauxlib.h>
#include <stdint.h>
#include <string.h>

#include "bind/box.h"
#include "bind/failure.h"
#include "bind/sandbox.h"

#define STEPS 20

static lua_State *state(void) {
    static lua_State *H;
    if (H == NULL) {
        H = luaL_newstate();
        ms_box_setup(H);
        ms_failure_setup(H);
        ms_sandbox_push(H);
        lua_setglobal(H, "sandbox");
    }
    return H;
}

/* Calls a method of the sandbox at 1 with the count values on top; all results are above 1. */
static void method(lua_State *H, const char *name, int count) {
    lua_getfield(H, 1, name);
    lua_insert(H, -count - 1);
    lua_pushvalue(H, 1);
    lua_insert(H, -count - 1);
    lua_call(H, count + 1, LUA_MULTRET);
}

static void push_sandbox(lua_State *H) {
    lua_getglobal(H, "sandbox");
    lua_getfield(H, -1, "new");
    lua_createtable(H, 0, 2);
    lua_pushinteger(H, 1 << 20);
    lua_setfield(H, -2, "memory");
    lua_createtable(H, 1, 0);
    lua_pushliteral(H, "ask");
    lua_rawseti(H, -2, 1);
    lua_setfield(H, -2, "words");
    lua_call(H, 1, 1);
    lua_replace(H, 1);
    lua_settop(H, 1);
}

static void push_budget(lua_State *H) {
    lua_createtable(H, 0, 4);
    lua_pushinteger(H, 200000);
    lua_setfield(H, -2, "instructions");
    lua_pushinteger(H, 700000);
    lua_setfield(H, -2, "memory");
    lua_pushnumber(H, 0.002);
    lua_setfield(H, -2, "slice");
}

/* Goes on with what the call answered, above 1, until it has ended. */
static void follow(lua_State *H) {
    for (int step = 0; step < STEPS; step++) {
        const char *what = luaL_checkstring(H, 2);
        if (strcmp(what, "done") == 0 || strcmp(what, "failed") == 0)
            return;
        if (strcmp(what, "word") == 0) {
            lua_remove(H, 2);
            method(H, step % 5 == 4 ? "raise" : "resume", lua_gettop(H) - 1);
        } else {
            lua_settop(H, 1);
            method(H, "resume", 0);
        }
    }
    if (lua_gettop(H) >= 2 && (strcmp(luaL_checkstring(H, 2), "word") == 0 ||
                               strcmp(luaL_checkstring(H, 2), "slice") == 0)) {
        lua_settop(H, 1);
        method(H, "cancel", 0);
    }
}

static void run(lua_State *H, const char *text, size_t size) {
    lua_pushliteral(H, "fuzz");
    lua_pushlstring(H, text, size);
    method(H, "load", 2);
    if (lua_isnil(H, 2)) {
        assert(lua_istable(H, 3));
        return;
    }
    push_budget(H);
    lua_createtable(H, 0, 1);
    lua_pushinteger(H, 5);
    lua_setfield(H, -2, "x");
    method(H, "frame", 1);
    method(H, "call", 3);
    follow(H);
}

/* The entry of libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    lua_State *H = state();
    lua_settop(H, 0);
    lua_pushnil(H);
    push_sandbox(H);
    run(H, (const char *)bytes, size);
    lua_settop(H, 1);
    method(H, "memory", 0);
    assert(lua_tointeger(H, 2) <= 1 << 20);
    lua_settop(H, 1);
    method(H, "close", 0);
    lua_settop(H, 0);
    return 0;
}
