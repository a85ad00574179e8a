/* Diffs as Lua iterators: what a snapshot's own layer changed, or how two snapshots differ. */
#include "engine/diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "bind/args.h"
#include "bind/failure.h"
#include "bind/push.h"
#include "bind/store.h"
#include "engine/store.h"

/* A diff with the paths that it reads. */
struct comparison {
    struct ms_diff *diff; /* NULL: there is nothing to say */
    struct ms_layers layers;
    struct ms_layers others;
};

static void free_comparison(void *object) {
    struct comparison *comparison = object;
    ms_diff_free(comparison->diff);
    ms_layers_clear(&comparison->layers);
    ms_layers_clear(&comparison->others);
    free(comparison);
}

static const struct ms_class diff_class = {
    .name = "moonsnap.core.diff", .word = "diff", .free = free_comparison};

/* What is compared with what: the table in engine/diff.h. */
static void choose(const struct comparison *comparison, bool stacks, bool two,
                   struct ms_diff_request *request) {
    const struct ms_layers *layers = &comparison->layers;
    const struct ms_layers *others = &comparison->others;
    request->stacks = stacks;
    request->compare = two || !stacks;
    request->layers = (const char *const *)layers->paths;
    request->layers_count = layers->count;
    request->others = (const char *const *)others->paths;
    request->others_count = others->count;
    if (!two) { /* with its own parents */
        request->layers_count = 1;
        request->others = request->layers + 1;
        request->others_count = layers->count - 1;
    }
    if (!stacks) { /* a layer is a whole tree: the nearest is all there is */
        request->layers_count = request->layers_count > 0;
        request->others_count = request->others_count > 0;
    }
}

static int compare(struct ms_store *store, const struct ms_arg_place *place, const char *other,
                   struct comparison *out, struct ms_err *err) {
    struct ms_store_facts facts;
    struct ms_diff_request request = {0};
    ms_store_facts(store, &facts);
    int code = ms_store_layers(store, place->ns, place->key, &out->layers, err);
    if (code == MS_OK && other != NULL)
        code = ms_store_layers(store, place->ns, other, &out->others, err);
    if (code < 0 || (other == NULL && !out->layers.own))
        return code;
    choose(out, strcmp(facts.driver, "native") != 0, other != NULL, &request);
    request.user_xattrs = strcmp(facts.xattrs, "user") == 0;
    return ms_diff_open(&request, &out->diff, err);
}

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
    struct comparison *comparison = calloc(1, sizeof *comparison);
    if (comparison == NULL) {
        ms_err_set(&err, MS_RESOURCE_EXHAUSTED, "diff: no memory");
        return ms_failure(L, &err);
    }
    ms_box_fill(box, comparison);
    if (compare(store, &place, other, comparison, &err) < 0) {
        ms_box_close(box);
        return ms_failure(L, &err);
    }
    return 1;
}

static int diff_next(lua_State *L) {
    struct ms_err err;
    struct ms_change change;
    const struct comparison *comparison = ms_box_check(L, 1, &diff_class);
    int more = comparison->diff == NULL ? 0 : ms_diff_next(comparison->diff, &change, &err);
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
