#include "bind/store.h"

#include "base/err.h"
#include "bind/args.h"
#include "bind/failure.h"
#include "bind/push.h"
#include "engine/store/store.h"

static void free_store(void *object) { ms_store_close(object); }

const struct ms_class ms_store_class = {
    .name = "moonsnap.core.store", .word = "store", .free = free_store};

struct ms_store *ms_store_check_arg(lua_State *L) {
    return ms_box_check(L, 1, &ms_store_class);
}

struct ms_store *ms_store_peek_arg(lua_State *L) {
    return ms_box_peek(L, 1, &ms_store_class);
}

bool ms_store_alike(const void *left, const void *right) { return ms_store_same(left, right); }

int ms_answer(lua_State *L, int failed, const struct ms_err *err) {
    if (failed < 0)
        return ms_failure(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- open ------------------------------------------------------------------------------------*/

static const char *optional_word(lua_State *L, int arg) {
    return lua_isnoneornil(L, arg) ? NULL : luaL_checkstring(L, arg);
}

int ms_store_open_lua(lua_State *L) {
    struct ms_err err;
    struct ms_arg_list extra;
    lua_settop(L, 6);
    struct ms_store_options options = {.root = ms_arg_path(L, 1, "open the store", &err)};
    if (options.root == NULL)
        return ms_failure(L, &err);
    options.driver = optional_word(L, 2);
    options.durability = optional_word(L, 3);
    ms_arg_list(L, 4, &extra);
    if (ms_arg_list_plain(&extra, "mount option", &err) < 0)
        return ms_failure(L, &err);
    options.mount_options = extra.items;
    options.mount_options_count = extra.count;
    options.create = lua_toboolean(L, 5);
    options.look = lua_toboolean(L, 6);
    struct ms_box *box = ms_box_new(L, &ms_store_class, 0);
    struct ms_store *store = NULL;
    if (ms_store_open(&options, &store, &err) < 0)
        return ms_failure(L, &err);
    ms_box_fill(box, store);
    return 1;
}

int ms_store_rebuild_lua(lua_State *L) {
    struct ms_err err;
    int64_t rebuilt = 0;
    const char *root = ms_arg_path(L, 1, "rebuild the store", &err);
    if (root == NULL || ms_store_rebuild(root, &rebuilt, &err) < 0)
        return ms_failure(L, &err);
    lua_pushinteger(L, rebuilt);
    return 1;
}

static int facts(lua_State *L) {
    struct ms_store_facts what;
    ms_store_facts(ms_store_peek_arg(L), &what);
    lua_createtable(L, 0, 5);
    ms_set_string(L, "root", what.root);
    ms_set_string(L, "driver", what.driver);
    ms_set_string(L, "xattrs", what.xattrs);
    ms_set_string(L, "durability", what.durability);
    ms_set_boolean(L, "other_world", what.other_world);
    return 1;
}

/* hold() -> true; release(): one state of the database for the reads between */
static int hold(lua_State *L) {
    struct ms_err err;
    return ms_answer(L, ms_store_hold(ms_store_check_arg(L), &err), &err);
}

static int release(lua_State *L) {
    ms_store_release(ms_store_check_arg(L));
    return 0;
}

/* ---- transactions ----------------------------------------------------------------------------*/

/* The box of one begin; its object is the store, which it does not own. */
static void roll_back(void *store) { ms_store_rollback(store); }

static const struct ms_class transaction_class = {
    .name = "moonsnap.core.transaction", .word = "transaction", .free = roll_back};

/* transaction() -> a guard that holds nothing yet: it stands in a <close> variable before begin, so
 * that nothing can come between. Closing it after begin and before commit rolls back. */
static int transaction(lua_State *L) {
    (void)ms_store_check_arg(L);
    (void)ms_box_new(L, &transaction_class, 1);
    return 1;
}

struct ms_box *ms_guard_check_idle(lua_State *L, int arg) {
    struct ms_box *box = luaL_checkudata(L, arg, transaction_class.name);
    const struct ms_box *store = box->parent;
    if (box->object == NULL && store != NULL && store->object != NULL && store->busy == NULL)
        return box;
    luaL_error(L, store != NULL && store->busy != NULL ? "store is busy"
                                                       : "transaction is begun or closed");
    return NULL;
}

struct ms_box *ms_guard_check_begun(lua_State *L, int arg) {
    (void)ms_box_check(L, arg, &transaction_class);
    return lua_touserdata(L, arg);
}

/* guard:begin() -> true */
static int begin(lua_State *L) {
    struct ms_err err;
    struct ms_box *box = ms_guard_check_idle(L, 1);
    struct ms_store *store = box->parent->object;
    int failed = ms_store_begin(store, &err);
    if (failed == 0)
        ms_box_fill(box, store);
    return ms_answer(L, failed, &err);
}

/* guard:try() -> true, or false when somebody else writes just now */
static int try_begin(lua_State *L) {
    struct ms_err err;
    struct ms_box *box = ms_guard_check_idle(L, 1);
    struct ms_store *store = box->parent->object;
    int held = ms_store_try(store, &err);
    if (held < 0)
        return ms_failure(L, &err);
    if (held == 0)
        ms_box_fill(box, store);
    lua_pushboolean(L, held == 0);
    return 1;
}

/* guard:commit() -> true */
static int commit(lua_State *L) {
    struct ms_err err;
    struct ms_store *store = ms_box_check(L, 1, &transaction_class);
    ms_box_empty(lua_touserdata(L, 1)); /* whatever the answer, this begin has ended */
    return ms_answer(L, ms_store_commit_txn(store, &err), &err);
}

/* guard:rollback(); it may begin again */
static int rollback(lua_State *L) {
    struct ms_store *store = ms_box_check(L, 1, &transaction_class);
    ms_box_empty(lua_touserdata(L, 1));
    ms_store_rollback(store);
    return 0;
}

static int is_open(lua_State *L) {
    const struct ms_box *box = luaL_checkudata(L, 1, ms_store_class.name);
    lua_pushboolean(L, box->object != NULL);
    return 1;
}

/* defer(): the outermost commit makes the directories of new layers */
static int defer(lua_State *L) {
    ms_store_defer(ms_store_check_arg(L));
    return 0;
}

static int depth(lua_State *L) {
    lua_pushinteger(L, ms_store_depth(ms_store_check_arg(L)));
    return 1;
}

/* ---- namespaces ------------------------------------------------------------------------------*/

static void clear_names(void *names) { ms_names_clear(names); }

static int namespaces(lua_State *L) {
    struct ms_err err;
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_names *list = ms_scratch_new(L, sizeof *list, clear_names);
    if (ms_store_namespaces(store, list, &err) < 0)
        return ms_failure(L, &err);
    ms_push_strings(L, list->items, list->count);
    return 1;
}

/* check_namespace(name) -> true, or nil and why it can be none */
static int check_namespace(lua_State *L) {
    struct ms_err err;
    const char *name = ms_arg_key(L, 2, "namespace", &err);
    return ms_answer(L, name == NULL ? err.kind : 0, &err);
}

const luaL_Reg ms_store_verbs[] = {{"facts", facts},
                                   {"transaction", transaction},
                                   {"depth", depth},
                                   {"defer", defer},
                                   {"is_open", is_open},
                                   {"namespaces", namespaces},
                                   {"check_namespace", check_namespace},
                                   {"hold", hold},
                                   {"release", release},
                                   {NULL, NULL}};

void ms_store_setup(lua_State *L) {
    static const luaL_Reg methods[] = {{"begin", begin},
                                       {"try", try_begin},
                                       {"commit", commit},
                                       {"rollback", rollback},
                                       {NULL, NULL}};
    ms_class_register(L, &transaction_class, methods);
}
