/* spawn.h - sys.spawn, for automation. */
#pragma once

#include <lua.h>

/* Adds spawn to the table on top of the stack. */
void ms_spawn_add(lua_State *L);
