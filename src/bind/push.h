/* push.h - what the engine answers, as Lua tables. Each pushes one value. */
#pragma once

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

struct ms_info;
struct ms_mounts;
struct ms_usage;

void ms_push_mounts(lua_State *L, const struct ms_mounts *mounts);
void ms_push_info(lua_State *L, const struct ms_info *info);
void ms_push_usage(lua_State *L, const struct ms_usage *usage);
void ms_push_strings(lua_State *L, char *const *strings, size_t count);

/* Sets a field of the table on top of the stack. */
void ms_set_string(lua_State *L, const char *name, const char *value);
void ms_set_integer(lua_State *L, const char *name, int64_t value);
void ms_set_boolean(lua_State *L, const char *name, int value);
