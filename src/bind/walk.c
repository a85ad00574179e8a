/* Walks as Lua iterators: next raises what goes wrong under way. */
#include "base/err.h"
#include "bind/args.h"
#include "bind/failure.h"
#include "bind/push.h"
#include "bind/store.h"
#include "engine/store/store.h"

static void free_walk(void *walk) { ms_walk_free(walk); }

static const struct ms_class walk_class = {
    .name = "moonsnap.core.walk", .word = "walk", .free = free_walk};

/* walk(ns, filter) -> walk */
static int walk(lua_State *L) {
    struct ms_err err;
    struct ms_walk *opened = NULL;
    lua_settop(L, 3);
    struct ms_store *store = ms_store_check_arg(L);
    const struct ms_filter *filter = ms_filter_arg(L, 3);
    const char *ns = ms_arg_key(L, 2, "namespace", &err);
    if (ns == NULL)
        return ms_failure(L, &err);
    struct ms_box *box = ms_box_new(L, &walk_class, 1);
    lua_pushvalue(L, 2); /* what the engine borrows lives as long as the walk */
    lua_pushvalue(L, 3);
    lua_setiuservalue(L, 4, MS_BOX_HELD);
    lua_setiuservalue(L, 4, MS_BOX_HELD + 1);
    if (ms_store_walk(store, ns, filter, &opened, &err) < 0)
        return ms_failure(L, &err);
    ms_box_fill(box, opened);
    return 1;
}

static void clear_info(void *info) { ms_info_clear(info); }

static int walk_next(lua_State *L) {
    struct ms_err err;
    struct ms_walk *opened = ms_box_check(L, 1, &walk_class);
    struct ms_info *info = ms_scratch_new(L, sizeof *info, clear_info);
    int more = ms_walk_next(opened, info, &err);
    if (more < 0)
        return ms_failure_raise(L, &err);
    if (more == 0)
        return 0;
    ms_push_info(L, info);
    return 1;
}

const luaL_Reg ms_walk_verbs[] = {{"walk", walk}, {NULL, NULL}};

void ms_walk_setup(lua_State *L) {
    static const luaL_Reg methods[] = {{"next", walk_next}, {NULL, NULL}};
    ms_class_register(L, &walk_class, methods);
}
