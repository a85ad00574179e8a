#include "bind/spawn.h"

#include <lauxlib.h>

#include "base/err.h"
#include "bind/args.h"
#include "bind/failure.h"
#include "sys/spawn.h"

static int optional_fd(lua_State *L, int arg) { return (int)luaL_optinteger(L, arg, -1); }

/* spawn(argv, env, stdin?, stdout?) -> pid, pidfd; env is a list of NAME=VALUE */
static int spawn(lua_State *L) {
    struct ms_err err;
    struct ms_arg_list argv;
    struct ms_arg_list envp;
    pid_t pid = 0;
    int pidfd = -1;
    lua_settop(L, 4);
    ms_arg_list(L, 1, &argv);
    if (ms_arg_list_plain(&argv, "argument", &err) < 0)
        return ms_failure(L, &err);
    ms_arg_list(L, 2, &envp);
    if (ms_arg_list_plain(&envp, "environment variable", &err) < 0)
        return ms_failure(L, &err);
    luaL_argcheck(L, argv.count > 0 && argv.items[0][0] == '/', 1, "an absolute path expected");
    const struct ms_spawn how = {.argv = (char *const *)argv.items,
                                 .envp = (char *const *)envp.items,
                                 .in = optional_fd(L, 3),
                                 .out = optional_fd(L, 4)};
    if (ms_spawn(&how, &pid, &pidfd, &err) < 0)
        return ms_failure(L, &err);
    lua_pushinteger(L, pid);
    lua_pushinteger(L, pidfd);
    return 2;
}

void ms_spawn_add(lua_State *L) {
    lua_pushcfunction(L, spawn);
    lua_setfield(L, -2, "spawn");
}
