/* Diffs as Lua iterators: what a snapshot's own layer changed, or how two snapshots differ. */
#include "engine/diff/diff.h"

#include "base/err.h"
#include "bind/args.h"
#include "bind/failure.h"
#include "bind/push.h"
#include "bind/store.h"
#include "engine/store/store.h"

static void free_diff(void *object) { ms_diff_free(object); }

static const struct ms_class diff_class = {
    .name = "moonsnap.core.diff", .word = "diff", .free = free_diff};

/* diff(ns, key, other) -> diff */
static int diff(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place;
    const char *other = NULL;
    lua_settop(L, 4);
    struct ms_store *store = ms_store_check_arg(L);
    if (ms_arg_place(L, &place, &err) < 0)
        return ms_failure(L, &err);
    if (!lua_isnil(L, 4)) {
        other = ms_arg_key(L, 4, "key", &err);
        if (other == NULL)
            return ms_failure(L, &err);
    }
    struct ms_box *box = ms_box_new(L, &diff_class, 1);
    struct ms_diff *made = NULL;
    if (ms_store_diff(store, place.ns, place.key, other, &made, &err) < 0)
        return ms_failure(L, &err);
    ms_box_fill(box, made);
    return 1;
}

static int diff_next(lua_State *L) {
    struct ms_err err;
    struct ms_change change;
    struct ms_diff *opened = ms_box_check(L, 1, &diff_class);
    int more = ms_diff_next(opened, &change, &err);
    if (more < 0)
        return ms_failure_raise(L, &err);
    if (more == 0)
        return 0;
    lua_createtable(L, 0, 4);
    ms_set_string(L, "change", change.change);
    ms_set_string(L, "path", change.path);
    ms_set_string(L, "type", change.type);
    ms_set_integer(L, "size", change.size_bytes);
    return 1;
}

const luaL_Reg ms_diff_verbs[] = {{"diff", diff}, {NULL, NULL}};

void ms_diff_setup(lua_State *L) {
    static const luaL_Reg methods[] = {{"next", diff_next}, {NULL, NULL}};
    ms_class_register(L, &diff_class, methods);
}
