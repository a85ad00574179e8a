/* The verbs that bring a tree in: stage, import into the stage, adopt. */
#include <errno.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/import.h"
#include "base/err.h"
#include "bind/args.h"
#include "bind/failure.h"
#include "bind/push.h"
#include "bind/steps.h"
#include "bind/store.h"
#include "engine/store/store.h"

/* ---- stage -----------------------------------------------------------------------------------*/

static void free_stage(void *stage) { ms_stage_free(stage); }

static int step_stage(void *stage, struct ms_err *err) {
    return ms_stage_step(stage, MS_STEP_BUDGET, err);
}

static const struct ms_class stage_class = {
    .name = "moonsnap.core.stage", .word = "stage", .free = free_stage, .step = step_stage};

/* stage(ns, parent) -> stage */
static int stage(lua_State *L) {
    struct ms_err err;
    const char *parent = NULL;
    struct ms_stage *opened = NULL;
    lua_settop(L, 3);
    struct ms_store *store = ms_store_check_arg(L);
    const char *ns = ms_arg_key(L, 2, "namespace", &err);
    if (ns == NULL || ms_arg_parent(L, 3, &parent, &err) < 0)
        return ms_failure(L, &err);
    struct ms_box *box = ms_box_new(L, &stage_class, 1);
    if (ms_store_stage(store, ns, parent, &opened, &err) < 0)
        return ms_failure(L, &err);
    ms_box_fill(box, opened);
    return 1;
}

struct ms_stage *ms_stage_arg(lua_State *L, int arg) {
    return lua_isnoneornil(L, arg) ? NULL
                                   : ms_box_check_child(L, arg, &stage_class, ms_store_alike);
}

/* fill(ns, key, parent, kind, durability) -> stage: what is slow about making key; false when
 * nothing is */
static int fill(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place;
    struct ms_create create = {0};
    struct ms_stage *opened = NULL;
    lua_settop(L, 6);
    struct ms_store *store = ms_store_check_arg(L);
    int kind = strcmp(luaL_checkstring(L, 5), "view") == 0 ? MS_KIND_VIEW : MS_KIND_ACTIVE;
    if (ms_arg_place(L, &place, &err) < 0 || ms_arg_parent(L, 4, &create.parent, &err) < 0 ||
        ms_arg_durability(L, 6, &create.durability, &err) < 0)
        return ms_failure(L, &err);
    create.key = place.key;
    struct ms_box *box = ms_box_new(L, &stage_class, 1);
    if (ms_store_fill(store, place.ns, &create, kind, &opened, &err) < 0)
        return ms_failure(L, &err);
    if (opened != NULL)
        ms_box_fill(box, opened);
    else
        lua_pushboolean(L, 0);
    return 1;
}

static int stage_step(lua_State *L) {
    struct ms_err err;
    struct ms_stage *work = ms_box_check(L, 1, &stage_class);
    return ms_step_answer(L, ms_stage_step(work, ms_step_budget(L), &err), &err);
}

static int stage_done(lua_State *L) {
    (void)ms_box_check(L, 1, &stage_class);
    ms_push_done(L, 0, 0, 0); /* a copy of the parent: nothing of the source is read yet */
    return 1;
}

/* stage:seal(durability) -> true */
static int stage_seal(lua_State *L) {
    struct ms_err err;
    int level = 0;
    struct ms_stage *work = ms_box_check(L, 1, &stage_class);
    if (ms_arg_durability(L, 2, &level, &err) < 0)
        return ms_failure(L, &err);
    return ms_answer(L, ms_stage_seal(work, level, &err), &err);
}

/* adopt(ns, stage, name, parent, labels, durability) -> true */
static int adopt(lua_State *L) {
    struct ms_err err;
    struct ms_labels *labels = NULL;
    struct ms_commit request = {.key = ""};
    lua_settop(L, 7);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_stage *work = ms_box_check_child(L, 3, &stage_class, NULL);
    const char *ns = ms_arg_key(L, 2, "namespace", &err);
    if (ns == NULL)
        return ms_failure(L, &err);
    request.name = ms_arg_key(L, 4, "name", &err);
    if (request.name == NULL || ms_arg_parent(L, 5, &request.parent, &err) < 0 ||
        ms_arg_labels(L, 6, &labels, &err) < 0 ||
        ms_arg_durability(L, 7, &request.durability, &err) < 0)
        return ms_failure(L, &err);
    request.labels = labels;
    return ms_answer(L, ms_store_adopt(store, ns, work, &request, &err), &err);
}

/* ---- import ----------------------------------------------------------------------------------*/

static void free_import(void *import) { ms_import_free(import); }

static const struct ms_class import_class = {
    .name = "moonsnap.core.import", .word = "import", .free = free_import};

/* The source at 2: a path, or an open file, whose descriptor stays the file's. */
static int read_source(lua_State *L, struct ms_import_request *request, struct ms_err *err) {
    request->fd = -1;
    if (lua_type(L, 2) == LUA_TSTRING) {
        request->path = ms_arg_path(L, 2, "import", err);
        return request->path == NULL ? err->kind : 0;
    }
    const luaL_Stream *stream = luaL_checkudata(L, 2, LUA_FILEHANDLE);
    if (stream->closef == NULL)
        return luaL_argerror(L, 2, "a closed file");
    request->fd = fileno(stream->f);
    return 0;
}

/* What the stage's store asks of the import. */
static int describe(struct ms_import_request *request, const struct ms_store *store,
                    struct ms_err *err) {
    struct stat root;
    struct ms_store_facts facts;
    ms_store_facts(store, &facts);
    if (stat(facts.root, &root) < 0)
        return ms_err_sys(err, errno, "look at %s", facts.root);
    request->store_dev = root.st_dev;
    request->store_ino = root.st_ino;
    /* without a parent there is nothing to hide: a whiteout would show as a device */
    if (strcmp(facts.driver, "native") == 0 || !request->has_parent)
        request->whiteout = MS_WHITEOUT_DELETE;
    else if (strcmp(facts.xattrs, "user") == 0)
        request->whiteout = MS_WHITEOUT_OVERLAY_USER;
    else
        request->whiteout = MS_WHITEOUT_OVERLAY_TRUSTED;
    return 0;
}

/* stage:import(source, has_parent, strict) -> import */
static int import(lua_State *L) {
    struct ms_err err;
    struct ms_import *opened = NULL;
    struct ms_import_request request = {0};
    lua_settop(L, 4);
    const struct ms_stage *target = ms_box_check(L, 1, &stage_class);
    const struct ms_box *stage_box = lua_touserdata(L, 1);
    if (read_source(L, &request, &err) < 0)
        return ms_failure(L, &err);
    request.has_parent = lua_toboolean(L, 3);
    request.strict = lua_toboolean(L, 4);
    struct ms_box *box = ms_box_new(L, &import_class, 1);
    if (describe(&request, stage_box->parent->object, &err) < 0 ||
        ms_import_open(ms_stage_fd(target), &request, &opened, &err) < 0)
        return ms_failure(L, &err);
    ms_box_fill(box, opened);
    return 1;
}

static int import_step(lua_State *L) {
    struct ms_err err;
    struct ms_import *work = ms_box_check(L, 1, &import_class);
    return ms_step_answer(L, ms_import_step(work, ms_step_budget(L), &err), &err);
}

static int import_done(lua_State *L) {
    struct ms_import_progress progress = {0};
    ms_import_progress(ms_box_check(L, 1, &import_class), &progress);
    ms_push_done(L, progress.entries, progress.bytes_read, progress.bytes_total);
    return 1;
}

static int import_summary(lua_State *L) {
    struct ms_import_summary summary = {0};
    ms_import_summary(ms_box_check(L, 1, &import_class), &summary);
    lua_createtable(L, 0, 8);
    ms_set_integer(L, "entries", summary.entries);
    ms_set_integer(L, "bytes", summary.bytes);
    ms_set_integer(L, "whiteouts", summary.whiteouts);
    ms_set_integer(L, "squashed_owners", summary.squashed_owners);
    ms_set_integer(L, "skipped_devices", summary.skipped_devices);
    ms_set_integer(L, "skipped_xattrs", summary.skipped_xattrs);
    ms_set_integer(L, "skipped_mounts", summary.skipped_mounts);
    ms_set_string(L, "note", summary.first_note);
    return 1;
}

const luaL_Reg ms_import_verbs[] = {
    {"stage", stage}, {"fill", fill}, {"adopt", adopt}, {NULL, NULL}};

void ms_import_setup(lua_State *L) {
    static const luaL_Reg stages[] = {{"step", stage_step},
                                      {"done", stage_done},
                                      {"import", import},
                                      {"seal", stage_seal},
                                      {NULL, NULL}};
    static const luaL_Reg imports[] = {
        {"step", import_step}, {"done", import_done}, {"summary", import_summary}, {NULL, NULL}};
    ms_class_register(L, &stage_class, stages);
    ms_class_register(L, &import_class, imports);
}
