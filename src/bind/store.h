/* store.h - the box of a store, and which verbs it has.
 *
 * core's stores are bare: verbs take the namespace first and everything by position; options,
 * defaults and progress are Lua's job. One file for each group of verbs:
 *
 *     store.c     open, facts, transactions, namespaces
 *     make.c      prepare, view, mounts, commit, remove
 *     look.c      stat, update, touch, layers, explain, and filters
 *     event.c     the outbox, see event.h
 *     walk.c      walk: an iterator
 *     page.c      pages: an iterator of messages
 *     diff.c      diff: an iterator
 *     steps.c     seal, usage, cleanup, sweep: work that goes by steps
 *     import.c    stage, import, adopt
 *     mount.c     mount, unmount, mounted, check
 *     run.c       run
 *     lease.c     leases, namespaces
 *     pin.c       pins
 *     plan.c      stored plans
 *     survey.c    survey: all facts of a namespace; in_use, tenant, set_tenant
 */
#pragma once

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

#include "bind/box.h"

struct ms_err;
struct ms_filter;
struct ms_stage;
struct ms_store;

extern const struct ms_class ms_store_class;

extern const luaL_Reg ms_store_verbs[];
extern const luaL_Reg ms_make_verbs[];
extern const luaL_Reg ms_look_verbs[];
extern const luaL_Reg ms_walk_verbs[];
extern const luaL_Reg ms_page_verbs[];
extern const luaL_Reg ms_diff_verbs[];
extern const luaL_Reg ms_step_verbs[];
extern const luaL_Reg ms_import_verbs[];
extern const luaL_Reg ms_mount_verbs[];
extern const luaL_Reg ms_run_verbs[];
extern const luaL_Reg ms_lease_verbs[];
extern const luaL_Reg ms_pin_verbs[];
extern const luaL_Reg ms_survey_verbs[];
extern const luaL_Reg ms_plan_verbs[];

/* Each makes the classes of its file. */
void ms_store_setup(lua_State *L);
void ms_look_setup(lua_State *L);
void ms_walk_setup(lua_State *L);
void ms_page_setup(lua_State *L);
void ms_diff_setup(lua_State *L);
void ms_steps_setup(lua_State *L);
void ms_survey_setup(lua_State *L);
void ms_import_setup(lua_State *L);
void ms_pool_setup(lua_State *L);

/* open(root, driver, durability, mount_options, create, look) and rebuild(root). */
int ms_store_open_lua(lua_State *L);
int ms_store_rebuild_lua(lua_State *L);

/* pool(loop, workers) -> threads; see pool.c */
int ms_pool_lua(lua_State *L);

/* filter(list) -> a compiled filter with match(info). */
int ms_filter_lua(lua_State *L);

/* The store at argument 1; raises when it is closed. */
struct ms_store *ms_store_check_arg(lua_State *L);

/* The same while a thread works on it: for what never changes. */
struct ms_store *ms_store_peek_arg(lua_State *L);

/* Do two struct ms_store have one root? */
bool ms_store_alike(const void *left, const void *right);

/* The guard of a transaction at arg: one that is not begun, on a store that is idle; one that is.
 * Raise for any other. Its parent is the store's box. */
struct ms_box *ms_guard_check_idle(lua_State *L, int arg);
struct ms_box *ms_guard_check_begun(lua_State *L, int arg);

/* The stage at arg, made by the store at argument 1 or another one on its root; NULL for nil. */
struct ms_stage *ms_stage_arg(lua_State *L, int arg);

/* The compiled filter at arg; NULL for nil. */
const struct ms_filter *ms_filter_arg(lua_State *L, int arg);

/* Answers true, or nil, err when failed is a negative kind. */
int ms_answer(lua_State *L, int failed, const struct ms_err *err);
