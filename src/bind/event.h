/* event.h - the outbox in Lua.
 *
 *     event.c        pages of events: as tables, as JSON lines, as messages
 *     event_write.c  events of our own, cursors, who delivers
 *
 * Their verbs are a store's, see store.h.
 */
#pragma once

#include <lauxlib.h>
#include <lua.h>

extern const luaL_Reg ms_event_verbs[];
extern const luaL_Reg ms_event_write_verbs[];

/* Makes the class of who delivers. */
void ms_event_setup(lua_State *L);
