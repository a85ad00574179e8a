/* failure.h - errors across to Lua.
 *
 *     a correct program can meet it    nil, err        ms_failure(L, &err)
 *     an iterator meets it             raised          ms_failure_raise(L, &err)
 *     only a wrong program meets it    raised          luaL_error and luaL_check...
 *
 * err is a table {kind, message, errno?} of metatable "moonsnap.error", which prints as
 * "kind: message".
 */
#pragma once

#include <lua.h>

struct ms_err;

#define MS_FAILURE "moonsnap.error"

/* Makes the metatable. */
void ms_failure_setup(lua_State *L);

/* Pushes the error value. */
void ms_failure_push(lua_State *L, const struct ms_err *err);

/* Pushes nil and the error value: `return ms_failure(L, &err);` */
int ms_failure(lua_State *L, const struct ms_err *err);

/* Raises the error value; does not return. */
int ms_failure_raise(lua_State *L, const struct ms_err *err);

/* error(kind, message, errno) -> error value, and kinds() -> the list of words. */
int ms_failure_make(lua_State *L);
int ms_failure_kinds(lua_State *L);
