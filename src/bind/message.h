/* message.h - protobuf messages <-> Lua tables, by the descriptors that protoc-c makes.
 *
 *     type(name) -> moonsnap.message.Type; type:encode(table) -> bytes; type:decode(bytes) -> table
 *
 *     protobuf                     Lua
 *     string, bytes                string; "" and absent are the same
 *     ints, enums                  integer
 *     bool                         boolean
 *     message                      table, nil when absent
 *     repeated                     sequence
 *     map<string, string>          table
 *     google.protobuf.Timestamp    integer, nanoseconds since 1970; nil when absent or outside of
 * int64 google.protobuf.FieldMask    sequence of strings; nil when absent
 *
 * Each Lua state has one plan for each type (message_plan.h), made when the module opens.
 */
#pragma once

#include <lua.h>
#include <stddef.h>

struct ms_err;
struct ms_plan;
struct ms_text;

/* Makes what messages of a Lua state need, and pushes the table core.message. */
void ms_message_push(lua_State *L);

/* The plan of the type at an argument; raises when it is none. It lives as long as the state. */
const struct ms_plan *ms_message_check(lua_State *L, int arg);

/* Pushes the table of a message. Negative kind with nothing pushed: internal, "failed to
 * unmarshal", for what is no such message, invalid_argument for a string with a NUL or bad UTF-8.
 * Calls no Lua; raises for lack of memory only. */
int ms_message_decode(lua_State *L, const struct ms_plan *plan, const void *bytes, size_t size,
                      struct ms_err *err);

/* Appends the encoding of the table at index. Raises for a field that the type does not have and
 * for a value of the wrong type: out belongs to something that Lua owns, and is then as it was. */
void ms_message_encode(lua_State *L, int index, const struct ms_plan *plan, struct ms_text *out);
