/* client.h - moonsnap.rpc.connect: calls of gRPC services.
 *
 *     rpc.connect(path) -> client | nil, err
 *     client:call(path, request, options) -> reply | nil, err     one message each way; waits
 *     client:stream(path, request, options) -> iterator           of messages; raises the error
 * value
 *
 * options: headers, a table of lower-case names to values, and timeout_ms. Messages are bytes.
 */
#pragma once

#include <lua.h>

/* Makes the metatables, and adds connect to the table on top of the stack. */
void ms_client_setup(lua_State *L);
