/* rpc.h - moonsnap.rpc: the loop, the server on it, and its calls.
 *
 *     rpc.loop() -> loop             wait, watch, ready, take_signals, signal, serve, close
 *     loop:serve(options) -> server  next, woken, drain, open, counters, close
 *     server:next() -> call          path, read, header, reply, send, fail, ...
 *
 * A call is a light value: it names memory of the server by place and turn, and owns nothing. Once
 * the stream has closed it is not alive, whatever Lua still holds. C never calls Lua.
 */
#pragma once

#include <lauxlib.h>
#include <lua.h>

#include "bind/box.h"

struct ms_call;
struct ms_loop;
struct ms_server;
struct ms_text;

/* Makes the metatables and pushes the table; other files add their functions to it. */
void ms_rpc_push(lua_State *L);

/* The loop at an argument; raises when it is none, or closed. */
struct ms_loop *ms_rpc_loop_check(lua_State *L, int arg);

/* Where the bytes of a stream's next message go; raises unless a call is at arg. NULL when that is
 * over. What was written goes out with ms_rpc_call_send, else it is forgotten. */
struct ms_text *ms_rpc_call_begin(lua_State *L, int arg);
void ms_rpc_call_send(lua_State *L, int arg);

/* ---- between the files of rpc ----------------------------------------------------------------*/

extern const struct ms_class ms_server_class;

/* loop:serve(options) */
int ms_rpc_serve(lua_State *L);

/* Makes the metatables of servers, and of calls. */
void ms_rpc_server_setup(lua_State *L);
void ms_rpc_call_setup(lua_State *L);

/* Headers that calls keep: ms_call_header's numbers are places in this list. */
extern const char *const ms_rpc_kept[];

/* User values of a server's box: calls that wait by slot, with paths by their negative number; and
 * calls that were over before they waited. */
#define MS_SERVER_WAITERS 2
#define MS_SERVER_OVER 3

/* Pushes a call of the server whose box is at a stack index. */
void ms_rpc_call_push(lua_State *L, int server, struct ms_call *call);
