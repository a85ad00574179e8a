/* Running commands in snapshots. */
#include "engine/store/run.h"

#include <string.h>

#include "base/err.h"
#include "bind/args.h"
#include "bind/failure.h"
#include "bind/store.h"

/* A list whose strings go to the kernel. */
static int plain_list(lua_State *L, int arg, const char *what, struct ms_arg_list *out,
                      struct ms_err *err) {
    ms_arg_list(L, arg, out);
    return ms_arg_list_plain(out, what, err);
}

/* The binds at 6: source, target, "ro" or "rw", one after the other. */
static int read_binds(lua_State *L, struct ms_run *run, struct ms_err *err) {
    struct ms_arg_list list;
    if (plain_list(L, 6, "bind", &list, err) < 0)
        return err->kind;
    luaL_argcheck(L, list.count % 3 == 0, 6, "triples of source, target, mode expected");
    run->binds_count = list.count / 3;
    struct ms_run_bind *binds = lua_newuserdatauv(L, (run->binds_count + 1) * sizeof *binds, 0);
    for (size_t i = 0; i < run->binds_count; i++) {
        binds[i].source = list.items[3 * i];
        binds[i].target = list.items[3 * i + 1];
        binds[i].readonly = strcmp(list.items[3 * i + 2], "ro") == 0;
    }
    run->binds = binds;
    return 0;
}

static int optional_path(lua_State *L, int arg, const char *what, const char **out,
                         struct ms_err *err) {
    *out = NULL;
    if (lua_isnoneornil(L, arg))
        return 0;
    *out = ms_arg_path(L, arg, what, err);
    return *out == NULL ? err->kind : 0;
}

static int read_command(lua_State *L, struct ms_run *run, struct ms_err *err) {
    struct ms_arg_list argv;
    struct ms_arg_list envp;
    if (plain_list(L, 4, "argument", &argv, err) < 0 ||
        plain_list(L, 5, "environment variable", &envp, err) < 0)
        return err->kind;
    if (argv.count == 0)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "run: no command");
    run->argv = (char *const *)argv.items;
    run->envp = lua_isnil(L, 5) ? NULL : (char *const *)envp.items;
    return 0;
}

/* run(ns, key, argv, env, binds, at, workdir, readonly) -> status */
static int run_command(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place;
    struct ms_run run = {0};
    int status = 0;
    lua_settop(L, 9);
    struct ms_store *store = ms_store_check_arg(L);
    if (ms_arg_place(L, &place, &err) < 0 || read_command(L, &run, &err) < 0 ||
        read_binds(L, &run, &err) < 0 || optional_path(L, 7, "run at", &run.at, &err) < 0 ||
        optional_path(L, 8, "run in", &run.workdir, &err) < 0)
        return ms_failure(L, &err);
    run.key = place.key;
    run.readonly = lua_toboolean(L, 9);
    if (ms_store_run(store, place.ns, &run, &status, &err) < 0)
        return ms_failure(L, &err);
    lua_pushinteger(L, status);
    return 1;
}

const luaL_Reg ms_run_verbs[] = {{"run", run_command}, {NULL, NULL}};
