/* core.h - the C module moonsnap.core: one exported symbol, everything else stays inside.
 *
 *     version                              text
 *     error(kind, message), kinds()        failure.h
 *     open(...), rebuild(root)             store.h
 *     filter(list)                         compiled filters
 *     message                              protobuf messages: message.h
 *     sandbox                              a second Lua state: sandbox.h
 *     sys                                  user namespaces and what may be mounted: sys.h
 *     open_count()                         engine objects that are open: leaks show here
 */
#pragma once

#include <lua.h>

/* Called by require "moonsnap.core". */
__attribute__((visibility("default"))) int luaopen_moonsnap_core(lua_State *L);
