/* runner_lua.c - `lua5.4 [-e TEXT] [SCRIPT [ARG...]]`, built with the sanitizers in.
 *
 * Preloading them into the machine's own lua5.4 would put them into every child as well (compilers,
 * strace, mount), which leak by design and fail for it.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

static int add_trace(lua_State *L) {
    const char *text = lua_tostring(L, 1);
    if (text == NULL)
        text = luaL_tolstring(L, 1, NULL);
    luaL_traceback(L, L, text, 1);
    return 1;
}

static int run(lua_State *L, int status, int args) {
    int base = lua_gettop(L) - args;
    lua_pushcfunction(L, add_trace);
    lua_insert(L, base);
    if (status == LUA_OK)
        status = lua_pcall(L, args, 0, base);
    if (status != LUA_OK)
        fprintf(stderr, "lua5.4: %s\n", lua_tostring(L, -1));
    lua_settop(L, base - 1);
    return status == LUA_OK ? 0 : 1;
}

static void set_arg(lua_State *L, char **argv, int argc, int script) {
    lua_createtable(L, argc, 1);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i - script);
    }
    lua_setglobal(L, "arg");
}

int main(int argc, char **argv) {
    lua_State *L = luaL_newstate();
    if (L == NULL)
        return 1;
    luaL_openlibs(L);
    int at = 1, failed = 0;
    int text = argc > 2 && strcmp(argv[1], "-e") == 0 ? 2 : 0;
    if (text > 0)
        at = 3;
    set_arg(L, argv, argc, at < argc ? at : 0);
    if (text > 0)
        failed = run(L, luaL_loadbuffer(L, argv[text], strlen(argv[text]), "=(command line)"), 0);
    if (!failed && (at < argc || text == 0)) {
        const char *name = at < argc && strcmp(argv[at], "-") != 0 ? argv[at] : NULL;
        int status = luaL_loadfile(L, name), args = 0;
        for (int i = at + 1; status == LUA_OK && i < argc; i++, args++)
            lua_pushstring(L, argv[i]);
        failed = run(L, status, args);
    }
    lua_close(L);
    return failed;
}
