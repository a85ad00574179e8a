/* steps.h - work that goes by steps, so that Lua shows progress and can cancel.
 *
 *     more = work:step(budget)    true: more to do; false: done; nil, err: failed
 *     done = work:done()          {entries, bytes, total?} so far
 *     work:close()                cancels, or frees what is done
 *
 * On top of that a seal and a measure have usage(), a cleanup has result(), an import summary().
 */
#pragma once

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

#include "bind/box.h"

struct ms_err;
struct ms_seal;

#define MS_STEP_BUDGET 256 /* entries in a step on a worker */

/* Answers for step() what the engine's step answered. */
int ms_step_answer(lua_State *L, int more, const struct ms_err *err);

/* The budget at argument 2: a positive number of entries. */
size_t ms_step_budget(lua_State *L);

/* Pushes {entries, bytes, total}; total 0 is left out. */
void ms_push_done(lua_State *L, int64_t entries, int64_t bytes, int64_t total);

/* The box of the cleanup at arg. */
struct ms_box *ms_cleanup_check(lua_State *L, int arg);

/* The seal at arg, made by the store at argument 1 or another one on its root; NULL for nil. */
const struct ms_seal *ms_seal_arg(lua_State *L, int arg);
