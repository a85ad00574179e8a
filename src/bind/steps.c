#include "bind/steps.h"

#include <stdlib.h>

#include "base/err.h"
#include "bind/args.h"
#include "bind/failure.h"
#include "bind/push.h"
#include "bind/store.h"
#include "engine/store/store.h"

int ms_step_answer(lua_State *L, int more, const struct ms_err *err) {
    if (more < 0)
        return ms_failure(L, err);
    lua_pushboolean(L, more > 0);
    return 1;
}

size_t ms_step_budget(lua_State *L) {
    lua_Integer budget = luaL_checkinteger(L, 2);
    luaL_argcheck(L, budget > 0, 2, "a positive number of entries expected");
    return (size_t)budget;
}

void ms_push_done(lua_State *L, int64_t entries, int64_t bytes, int64_t total) {
    lua_createtable(L, 0, 3);
    ms_set_integer(L, "entries", entries);
    ms_set_integer(L, "bytes", bytes);
    if (total > 0)
        ms_set_integer(L, "total", total);
}

/* ---- seal ------------------------------------------------------------------------------------*/

static void free_seal(void *seal) { ms_seal_free(seal); }

static int step_seal(void *seal, struct ms_err *err) {
    return ms_seal_step(seal, MS_STEP_BUDGET, err);
}

static const struct ms_class seal_class = {.name = "moonsnap.core.seal",
                                           .word = "seal",
                                           .free = free_seal,
                                           .step = step_seal,
                                           .apart = true};

const struct ms_seal *ms_seal_arg(lua_State *L, int arg) {
    return lua_isnoneornil(L, arg) ? NULL : ms_box_check_child(L, arg, &seal_class, ms_store_alike);
}

/* seal(ns, key, durability) -> seal */
static int seal(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place;
    struct ms_seal *opened = NULL;
    int durability = 0;
    lua_settop(L, 4);
    struct ms_store *store = ms_store_check_arg(L);
    if (ms_arg_place(L, &place, &err) < 0 || ms_arg_durability(L, 4, &durability, &err) < 0)
        return ms_failure(L, &err);
    struct ms_box *box = ms_box_new(L, &seal_class, 1);
    if (ms_store_seal_open(store, place.ns, place.key, durability, &opened, &err) < 0)
        return ms_failure(L, &err);
    ms_box_fill(box, opened);
    return 1;
}

static int seal_step(lua_State *L) {
    struct ms_err err;
    struct ms_seal *work = ms_box_check(L, 1, &seal_class);
    return ms_step_answer(L, ms_seal_step(work, ms_step_budget(L), &err), &err);
}

static int seal_usage(lua_State *L) {
    struct ms_usage usage = {0};
    ms_seal_usage(ms_box_check(L, 1, &seal_class), &usage);
    ms_push_usage(L, &usage);
    return 1;
}

static int seal_done(lua_State *L) {
    struct ms_usage usage = {0};
    ms_seal_usage(ms_box_check(L, 1, &seal_class), &usage);
    ms_push_done(L, usage.inodes, usage.size_bytes, 0);
    return 1;
}

/* ---- usage -----------------------------------------------------------------------------------*/

static void free_measure(void *measure) { ms_measure_free(measure); }

static int step_measure(void *measure, struct ms_err *err) {
    return ms_measure_step(measure, MS_STEP_BUDGET, err);
}

static const struct ms_class measure_class = {.name = "moonsnap.core.measure",
                                              .word = "measure",
                                              .free = free_measure,
                                              .step = step_measure,
                                              .apart = true};

/* usage(ns, key) -> measure */
static int usage(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place;
    struct ms_measure *opened = NULL;
    struct ms_store *store = ms_store_check_arg(L);
    if (ms_arg_place(L, &place, &err) < 0)
        return ms_failure(L, &err);
    struct ms_box *box = ms_box_new(L, &measure_class, 1);
    if (ms_store_usage_open(store, place.ns, place.key, &opened, &err) < 0)
        return ms_failure(L, &err);
    ms_box_fill(box, opened);
    return 1;
}

static int measure_step(lua_State *L) {
    struct ms_err err;
    struct ms_measure *work = ms_box_check(L, 1, &measure_class);
    return ms_step_answer(L, ms_measure_step(work, ms_step_budget(L), &err), &err);
}

static int measure_usage(lua_State *L) {
    struct ms_usage what = {0};
    ms_measure_usage(ms_box_check(L, 1, &measure_class), &what);
    ms_push_usage(L, &what);
    return 1;
}

static int measure_done(lua_State *L) {
    struct ms_usage what = {0};
    ms_measure_usage(ms_box_check(L, 1, &measure_class), &what);
    ms_push_done(L, what.inodes, what.size_bytes, 0);
    return 1;
}

/* ---- cleanup ---------------------------------------------------------------------------------*/

static void free_cleanup(void *cleanup) { ms_cleanup_free(cleanup); }

static int step_cleanup(void *cleanup, struct ms_err *err) {
    return ms_cleanup_step(cleanup, MS_STEP_BUDGET, err);
}

static const struct ms_class cleanup_class = {.name = "moonsnap.core.cleanup",
                                              .word = "cleanup",
                                              .free = free_cleanup,
                                              .step = step_cleanup,
                                              .apart = true};

/* cleanup(later, spare) -> cleanup; later: pool:compare does the comparing half; spare: what
 * abandoned tells of stays */
static int cleanup(lua_State *L) {
    struct ms_err err;
    struct ms_cleanup *opened = NULL;
    lua_settop(L, 3);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_box *box = ms_box_new(L, &cleanup_class, 1);
    if (ms_store_sweep_open(store, 0, &opened, &err) < 0)
        return ms_failure(L, &err);
    ms_box_fill(box, opened);
    if (lua_toboolean(L, 3))
        ms_cleanup_spare(opened);
    if (!lua_toboolean(L, 2) && ms_cleanup_compare(opened, &err) < 0) {
        ms_box_close(box);
        return ms_failure(L, &err);
    }
    return 1;
}

struct names {
    char *ns;
    char *key;
};

static void clear_names(void *bytes) {
    struct names *names = bytes;
    free(names->ns);
    free(names->key);
    *names = (struct names){0};
}

/* abandoned() -> list of {namespace=, key=} */
static int abandoned(lua_State *L) {
    struct ms_err err;
    int64_t after = 0;
    int code = 0;
    lua_settop(L, 1);
    struct ms_store *store = ms_store_check_arg(L);
    struct names *names = ms_scratch_new(L, sizeof *names, clear_names);
    lua_newtable(L);
    while ((code = ms_store_next_abandoned(store, &after, &names->ns, &names->key, &err)) == 1) {
        lua_createtable(L, 0, 2);
        ms_set_string(L, "namespace", names->ns);
        ms_set_string(L, "key", names->key);
        lua_rawseti(L, -2, luaL_len(L, -2) + 1);
        clear_names(names);
    }
    return code < 0 ? ms_failure(L, &err) : 1;
}

/* sweep(number) -> cleanup of what that snapshot has left in the trash */
static int sweep(lua_State *L) {
    struct ms_err err;
    struct ms_cleanup *opened = NULL;
    struct ms_store *store = ms_store_check_arg(L);
    lua_Integer number = luaL_checkinteger(L, 2);
    struct ms_box *box = ms_box_new(L, &cleanup_class, 1);
    if (ms_store_sweep_open(store, number, &opened, &err) < 0)
        return ms_failure(L, &err);
    ms_box_fill(box, opened);
    return 1;
}

static int cleanup_step(lua_State *L) {
    struct ms_err err;
    struct ms_cleanup *work = ms_box_check(L, 1, &cleanup_class);
    return ms_step_answer(L, ms_cleanup_step(work, ms_step_budget(L), &err), &err);
}

static int cleanup_result(lua_State *L) {
    struct ms_cleaned cleaned = {0};
    ms_cleanup_result(ms_box_check(L, 1, &cleanup_class), &cleaned);
    lua_createtable(L, 0, 6);
    ms_set_integer(L, "orphans", cleaned.orphans);
    ms_set_integer(L, "abandoned", cleaned.abandoned);
    ms_set_integer(L, "quarantined", cleaned.quarantined);
    ms_set_integer(L, "stages", cleaned.stages);
    ms_set_integer(L, "entries", cleaned.entries);
    ms_set_integer(L, "kept", cleaned.kept);
    return 1;
}

static int cleanup_done(lua_State *L) {
    struct ms_cleaned cleaned = {0};
    ms_cleanup_result(ms_box_check(L, 1, &cleanup_class), &cleaned);
    ms_push_done(L, cleaned.entries, 0, 0);
    return 1;
}

/* ---- cover -----------------------------------------------------------------------------------*/

static void free_cover(void *cover) { ms_cover_free(cover); }

static int step_cover(void *cover, struct ms_err *err) { return ms_cover_step(cover, err); }

static const struct ms_class cover_class = {.name = "moonsnap.core.cover",
                                            .word = "cover",
                                            .free = free_cover,
                                            .step = step_cover,
                                            .apart = true};

/* cover() -> work that makes what is new in layers/ durable; false when nothing is */
static int cover(lua_State *L) {
    struct ms_err err;
    struct ms_cover *opened = NULL;
    struct ms_store *store = ms_store_peek_arg(L);
    struct ms_box *box = ms_box_new(L, &cover_class, 1);
    if (ms_store_cover_open(store, &opened, &err) < 0)
        return ms_failure(L, &err);
    if (opened != NULL)
        ms_box_fill(box, opened);
    else
        lua_pushboolean(L, 0);
    return 1;
}

/* ---- retire ----------------------------------------------------------------------------------*/

#define RETIRE_BUDGET 16 /* numbers in a step on a worker */

static void free_retire(void *retire) { ms_retire_free(retire); }

static int step_retire(void *retire, struct ms_err *err) {
    (void)err;
    return ms_retire_step(retire, RETIRE_BUDGET);
}

static const struct ms_class retire_class = {.name = "moonsnap.core.retire",
                                             .word = "retire",
                                             .free = free_retire,
                                             .step = step_retire,
                                             .apart = true};

/* retire() -> work that takes away what was removed; false when nothing was */
static int retire(lua_State *L) {
    struct ms_err err;
    struct ms_retire *opened = NULL;
    struct ms_store *store = ms_store_peek_arg(L);
    struct ms_box *box = ms_box_new(L, &retire_class, 1);
    if (ms_store_retire_open(store, &opened, &err) < 0)
        return ms_failure(L, &err);
    if (opened != NULL)
        ms_box_fill(box, opened);
    else
        lua_pushboolean(L, 0);
    return 1;
}

struct ms_box *ms_cleanup_check(lua_State *L, int arg) {
    (void)ms_box_check(L, arg, &cleanup_class);
    return lua_touserdata(L, arg);
}

static int cover_step(lua_State *L) {
    struct ms_err err;
    struct ms_cover *work = ms_box_check(L, 1, &cover_class);
    return ms_step_answer(L, ms_cover_step(work, &err), &err);
}

const luaL_Reg ms_step_verbs[] = {{"seal", seal},           {"usage", usage}, {"cleanup", cleanup},
                                  {"abandoned", abandoned}, {"sweep", sweep}, {"cover", cover},
                                  {"retire", retire},       {NULL, NULL}};

void ms_steps_setup(lua_State *L) {
    static const luaL_Reg seals[] = {
        {"step", seal_step}, {"done", seal_done}, {"usage", seal_usage}, {NULL, NULL}};
    static const luaL_Reg measures[] = {
        {"step", measure_step}, {"done", measure_done}, {"usage", measure_usage}, {NULL, NULL}};
    static const luaL_Reg cleanups[] = {
        {"step", cleanup_step}, {"done", cleanup_done}, {"result", cleanup_result}, {NULL, NULL}};
    ms_class_register(L, &seal_class, seals);
    ms_class_register(L, &measure_class, measures);
    ms_class_register(L, &cleanup_class, cleanups);
    static const luaL_Reg covers[] = {{"step", cover_step}, {NULL, NULL}};
    ms_class_register(L, &cover_class, covers);
    ms_class_register(L, &retire_class, NULL);
}
